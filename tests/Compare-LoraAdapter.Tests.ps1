#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
    $dataset = Join-Path $PSScriptRoot '../examples/data/animal-notes.train.jsonl'
    $some = New-LoraConfig -Model $model -TargetModule q_proj -Rank 2 | Invoke-LoraTraining -Dataset $dataset -MaxStep 1
    $more = New-LoraConfig -Model $model -TargetModule q_proj, v_proj -Rank 4 | Invoke-LoraTraining -Dataset $dataset -MaxStep 1 -OutputPath 'TestDrive:/more'
}

Describe 'Compare-LoraAdapter' {
    It 'gives the cosine of each module, whatever the ranks are' {
        $modules = Compare-LoraAdapter $some $more | Where-Object SideIndicator -EQ '=='
        $modules | Should -HaveCount 4
        $modules | ForEach-Object { [math]::Abs($_.Cosine) } | Should -BeLessOrEqual 1
    }

    It 'names the modules that one of the two adapts, without a cosine' {
        $modules = $some | Compare-LoraAdapter $more | Where-Object SideIndicator -EQ '<='
        $modules.Name | Should -BeLike '*.v_proj'
        $modules | Should -HaveCount 4
        $modules | Where-Object Cosine -NE $null | Should -BeNullOrEmpty
    }

    It 'finds an adapter in its own direction' {
        $whole = Compare-LoraAdapter 'TestDrive:/more' $more -Summary
        $whole.Cosine | Should -BeGreaterThan 0.999999
        $whole.ReferenceNorm | Should -Be $whole.DifferenceNorm
        "$whole" | Should -Be 'cosine 1.0000; 8 modules are adapted by both, 0 by one'
    }

    It 'compares each adapter of the pipeline' {
        $some, $more | Compare-LoraAdapter 'TestDrive:/mo*' -Summary | ForEach-Object EqualCount | Should -Be 4, 8
    }

    It 'gives one module after another, of which some are enough' {
        Compare-LoraAdapter $some $more | Select-Object -First 1 | Should -BeOfType [Lora.LoraAdapterDifference]
    }

    It 'refuses what is more than A and B' {
        $dora = New-LoraConfig -Model $model -TargetModule q_proj -UseDora | Invoke-LoraTraining -Dataset $dataset -MaxStep 1
        { Compare-LoraAdapter $some $dora -ErrorAction Stop } | Should -Throw -ErrorId 'LoraComparisonRefused,Lora.Commands.CompareLoraAdapterCommand'
    }
}
