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

    It 'measures the model without an adapter' {
        $measured = Measure-LoraAdapter -Model $model -Dataset $validation
        [math]::Abs($measured.Loss - $result.Before.Loss) | Should -BeLessThan 1e-5
        $measured.Accuracy | Should -Be $result.Before.Accuracy
        $measured.LossChange | Should -Be 0
        $measured.Name | Should -Be (Resolve-Path $model).Path
        $measured | Out-String | Should -Match 'Name +Loss +LossChange +Score +Accuracy'
    }

    It 'says what is missing without adapter and model, and what a model alone does not have' {
        { Measure-LoraAdapter -Dataset $validation } | Should -Throw -ErrorId 'LoraAdapterNotGiven,*'
        { Measure-LoraAdapter -Model $model -Dataset $validation -EachLayer } | Should -Throw -ErrorId 'LoraConfigConflict,*'
        @() | Measure-LoraAdapter -Model $model -Dataset $validation | Should -BeNullOrEmpty
    }

    It 'counts questions with choices, of the adapter and of the base' {
        $rows = @(
            @{ question = 'The fox sleeps in'; choices = 'a den.', 'the sea.', 'a nest.'; answer = 0 }
            [pscustomobject]@{ question = 'The bear sleeps in'; choices = 'a den.', 'a cave.'; answer = 'B' }
        )
        $measured = $result | Measure-LoraAdapter -Row $rows
        $measured.ChoiceCount | Should -Be 2
        $measured.ChoiceAccuracy | Should -BeIn 0, 0.5, 1
        (Measure-LoraAdapter -Model $model -Row $rows).ChoiceAccuracy | Should -Be $measured.BaseChoiceAccuracy
        $measured | Out-String | Should -Match 'acc \d+\.0%, norm \d+\.0%'
        { $rows | Invoke-LoraTraining -Config $result.Config } | Should -Throw -ErrorId 'LoraChoicesNotLearned,*'
    }

    It 'reports a folder without an adapter and goes on' {
        $measured = 'TestDrive:/none', 'TestDrive:/adapter' |
            Measure-LoraAdapter -Model $model -Dataset $validation -ErrorAction SilentlyContinue -ErrorVariable failures
        $measured | Should -HaveCount 1
        $failures[0].FullyQualifiedErrorId | Should -Be 'LoraPathNotFound,Lora.Commands.MeasureLoraAdapterCommand'
    }
}
