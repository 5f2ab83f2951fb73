#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
    $dataset = Join-Path $PSScriptRoot '../examples/data/animal-notes.train.jsonl'
    $validation = Join-Path $PSScriptRoot '../examples/data/animal-notes.validation.jsonl'
    $result = New-LoraConfig -Model $model -TargetModule q_proj, v_proj -Rank 4 |
        Invoke-LoraTraining -Dataset $dataset -MaxStep 3 -LearningRate 1e-2 -OutputPath 'TestDrive:/adapter'
}

Describe 'Edit-LoraAdapter' {
    It 'leaves modules out, and the rest is what it was' {
        Get-LoraAdapter 'TestDrive:/adapter' | Edit-LoraAdapter -Exclude '**.3.**' | Export-LoraAdapter 'TestDrive:/without'
        $without = Get-LoraAdapter 'TestDrive:/without'
        $without.ModuleCount | Should -Be 6
        $same = Compare-LoraAdapter 'TestDrive:/adapter' 'TestDrive:/without'
        ($same | Where-Object SideIndicator -EQ '<=').Layer | Should -Be 3, 3
        $same | Where-Object SideIndicator -EQ '==' | ForEach-Object { $_.ReferenceNorm - $_.DifferenceNorm } | Should -Be (@(0) * 6)
    }

    It 'gives an adapter that PEFT''s rules put on the modules that are left' {
        Edit-LoraAdapter 'TestDrive:/adapter' -Include q_proj -Exclude '**.0.**' | Export-LoraAdapter 'TestDrive:/some'
        $targets = Test-LoraTarget 'TestDrive:/some' -Model $model | Where-Object Targeted
        $targets.Name | Should -Be (1..3 | ForEach-Object { "model.layers.$_.self_attn.q_proj" })
    }

    It 'scales what all or some modules change' {
        $half = Edit-LoraAdapter $result -Scale 0.5 -ScalePattern @{ v_proj = 2 }
        ($half.Module | Where-Object Name -Like *q_proj).Scale | Should -Be (@(0.5) * 4)
        $ratios = Compare-LoraAdapter $result $half | ForEach-Object { [math]::Round($_.DifferenceNorm / $_.ReferenceNorm, 5) }
        $ratios | Sort-Object -Unique | Should -Be 0.5, 2
    }

    It 'truncates to a rank, and says what of each change is kept' {
        $edit = Edit-LoraAdapter $result -Rank 2
        $edit.Adapter.Config.Rank | Should -Be 2
        $edit.Module | ForEach-Object Retained | Should -BeLessThan 1
        $edit.Retained | Should -BeGreaterThan 0.5
        (Compare-LoraAdapter $result $edit -Summary).Cosine | Should -BeGreaterThan 0.7
        "$edit" | Should -BeLike '8 of 8 modules, 3,584 of 7,168 values, *% of the change'
    }

    It 'gives each module the rank that keeps a share, and the loss hardly moves' {
        $edit = Edit-LoraAdapter $result -Retain 0.99
        $edit.Module | ForEach-Object Retained | Should -BeGreaterOrEqual 0.99
        $losses = $result, $edit | Measure-LoraAdapter -Dataset $validation -Model $model
        [math]::Abs($losses[0].Loss - $losses[1].Loss) | Should -BeLessThan 0.05
    }

    It 'changes what was changed before, and everything takes it' {
        $twice = Edit-LoraAdapter $result -Exclude v_proj | Edit-LoraAdapter -Exclude '**.0.**'
        $twice.ModuleCount | Should -Be 3
        (Merge-LoraAdapter $twice, $result).Config.Rank | Should -BeGreaterOrEqual 4
        (Invoke-LoraTraining $twice -Model $model -Dataset $dataset -MaxStep 1).StepCount | Should -Be 1
    }

    It 'refuses a glob that matches nothing, with what was meant' {
        $failure = { Edit-LoraAdapter $result -Exclude 'layers.*.q_proj', k_proj -ErrorAction Stop } |
            Should -Throw -ErrorId 'LoraEditRefused,Lora.Commands.EditLoraAdapterCommand' -PassThru
        $failure.Exception.Message | Should -BeLike "*'`*`*.layers.`*`*.q_proj' does*"
        $failure.Exception.Message | Should -BeLike "*nearest*'q_proj'*"
    }

    It 'completes the modules of the adapter' {
        $line = "Edit-LoraAdapter '$((Resolve-Path 'TestDrive:/adapter').ProviderPath)' -Exclude "
        (TabExpansion2 $line $line.Length).CompletionMatches.ListItemText | Should -Be q_proj, v_proj
    }
}
