#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
    $dataset = Join-Path $PSScriptRoot '../examples/data/animal-notes.train.jsonl'
    $validation = Join-Path $PSScriptRoot '../examples/data/animal-notes.validation.jsonl'
    $result = New-LoraConfig -Model $model -TargetModule q_proj, down_proj -Rank 4 |
        Invoke-LoraTraining -Dataset $dataset -ValidationDataset $validation -MaxStep 3 -OutputPath 'TestDrive:/adapter'
}

Describe 'Measure-LoraAdapter' {
    It 'gives the losses that the training took' {
        $measured = $result | Measure-LoraAdapter -Dataset $validation
        [math]::Abs($measured.Loss - $result.After.Loss) | Should -BeLessThan 1e-5
        [math]::Abs($measured.BaseLoss - $result.Before.Loss) | Should -BeLessThan 1e-5
        $measured.ModuleCount | Should -Be 8
    }

    It 'measures an adapter of a folder' {
        $measured = Get-LoraAdapter 'TestDrive:/adapter' | Measure-LoraAdapter -Model $model -Dataset $validation
        $measured.LossChange | Should -BeLessThan 0
    }

    It 'switches modules off by globs' {
        $measured = $result | Measure-LoraAdapter -Dataset $validation -Include q_proj -Exclude '**.0.**'
        $measured.ModuleCount | Should -Be 3
    }

    It 'measures without each block with -EachLayer' {
        $measured = $result | Measure-LoraAdapter -Dataset $validation -EachLayer
        $measured.Without | Should -Be (0..3 | ForEach-Object { "model.layers.$_" })
        $measured.LossRise | Should -Not -Contain $null
    }

    It 'measures several at once with -Together' {
        $measured = $result, $result | Measure-LoraAdapter -Dataset $validation -Together
        $measured | Should -HaveCount 1
        $measured.Name | Should -Match ' \+ '
    }

    It 'reports a folder without an adapter and goes on' {
        $measured = 'TestDrive:/none', 'TestDrive:/adapter' |
            Measure-LoraAdapter -Model $model -Dataset $validation -ErrorAction SilentlyContinue -ErrorVariable failures
        $measured | Should -HaveCount 1
        $failures[0].FullyQualifiedErrorId | Should -Be 'LoraPathNotFound,Lora.Commands.MeasureLoraAdapterCommand'
    }
}
