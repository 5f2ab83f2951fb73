#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
    $dataset = Join-Path $PSScriptRoot '../examples/data/animal-notes.train.jsonl'
    $result = New-LoraConfig -Model $model -TargetModule q_proj -Rank 2 | Invoke-LoraTraining -Dataset $dataset -MaxStep 1
    $result | Export-LoraAdapter 'TestDrive:/adapter'
}

Describe 'Export-LoraModel' {
    It 'writes a model with the files of the base model, and gives nothing' {
        $result | Export-LoraModel 'TestDrive:/merged' | Should -BeNullOrEmpty
        foreach ($file in Get-ChildItem $model -File) {
            Join-Path 'TestDrive:/merged' $file.Name | Should -Exist
        }
    }

    It 'writes what Get-LoraModule lists and training loads' {
        Get-LoraAdapter 'TestDrive:/adapter' | Export-LoraModel 'TestDrive:/again'
        $modules = Get-LoraModule 'TestDrive:/again' -Include q_proj
        $modules | Should -HaveCount 4
        ($modules | New-LoraConfig -Rank 2 | Invoke-LoraTraining -Dataset $dataset -MaxStep 1).History | Should -HaveCount 1
    }

    It 'gives what was written with -PassThru, proven against the base with the adapter' {
        $export = Export-LoraModel 'TestDrive:/passed' -Adapter 'TestDrive:/adapter' -Model $model -PassThru
        $export | Should -BeOfType [Lora.LoraModelExport]
        $export.Path | Should -Exist
        $export.Outcome | Should -Be 'Proven'
        $export.LargestDifference | Should -BeLessThan 1e-4
        $export.TopAgreement | Should -Be 1
        Join-Path 'TestDrive:/passed' 'README.md' | Should -FileContentMatch 'The merge was verified on a text'
    }

    It 'leaves the proof out on demand' {
        $export = $result | Export-LoraModel 'TestDrive:/unproven' -SkipVerification -PassThru
        $export.Outcome | Should -Be 'Skipped'
        $export.LargestDifference | Should -BeNullOrEmpty
    }

    It 'writes one file for llama.cpp, proven where its values are numbers and measured where they are codes' {
        $exact = $result | Export-LoraModel 'TestDrive:/llama/merged' -Format Gguf -PassThru
        $exact.Path | Should -BeLike '*merged.gguf'
        $exact.Path | Should -Exist
        $exact.Outcome | Should -Be 'Proven'
        $codes = $result | Export-LoraModel 'TestDrive:/llama/codes.gguf' -Format Gguf -TensorType Q4_0 -PassThru
        $codes.Outcome | Should -Be 'Measured'
        $codes.Size | Should -BeLessThan ($exact.Size / 2)
        $codes.LargestDifference | Should -BeGreaterThan $exact.LargestDifference
        { $result | Export-LoraModel 'TestDrive:/llama/merged' -Format Gguf } | Should -Throw -ErrorId 'LoraOutputExists,Lora.Commands.ExportLoraModelCommand'
        { $result | Export-LoraModel 'TestDrive:/llama/x' -TensorType F32 } | Should -Throw -ErrorId 'LoraConfigConflict,Lora.Commands.ExportLoraModelCommand'
        { Get-LoraAdapter $exact.Path } | Should -Throw -ErrorId 'LoraNotAnAdapter,Lora.Commands.GetLoraAdapterCommand'
    }

    It 'writes the base model too, for an adapter that goes beside it' {
        $base = Export-LoraModel 'TestDrive:/llama/base' -Model $model -Format Gguf -PassThru
        $base.Path | Should -BeLike '*base.gguf'
        $base.Outcome | Should -Be 'Proven'
        { Export-LoraModel 'TestDrive:/base' -Model $model } | Should -Throw -ErrorId 'LoraAdapterNotGiven,Lora.Commands.ExportLoraModelCommand'
    }

    It 'overwrites with -Force only' {
        $result | Export-LoraModel 'TestDrive:/twice'
        { $result | Export-LoraModel 'TestDrive:/twice' } | Should -Throw -ErrorId 'LoraOutputExists,Lora.Commands.ExportLoraModelCommand'
        { $result | Export-LoraModel 'TestDrive:/twice' -Force } | Should -Not -Throw
    }

    It 'never writes over the base model' {
        { $result | Export-LoraModel $model -Force } | Should -Throw -ErrorId 'LoraMergeRefused,Lora.Commands.ExportLoraModelCommand'
    }

    It 'writes nothing with -WhatIf' {
        $result | Export-LoraModel 'TestDrive:/what-if' -WhatIf
        'TestDrive:/what-if' | Should -Not -Exist
    }
}
