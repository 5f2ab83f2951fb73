#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
    $dataset = Join-Path $PSScriptRoot '../examples/data/animal-notes.train.jsonl'
    $result = New-LoraConfig -Model $model -TargetModule q_proj -Rank 2 | Invoke-LoraTraining -Dataset $dataset -MaxStep 1
}

Describe 'Export-LoraAdapter' {
    It 'writes the files that PEFT reads, and gives nothing' {
        $result | Export-LoraAdapter 'TestDrive:/adapter' | Should -BeNullOrEmpty
        foreach ($file in 'adapter_config.json', 'adapter_model.safetensors', 'README.md') {
            Join-Path 'TestDrive:/adapter' $file | Should -Exist
        }
    }

    It 'writes the configuration under the keys of PEFT' {
        Export-LoraAdapter -Path 'TestDrive:/keys' -Adapter $result.Adapter
        $json = Get-Content -Path 'TestDrive:/keys/adapter_config.json' -Raw | ConvertFrom-Json
        $json.peft_type | Should -Be 'LORA'
        $json.r | Should -Be 2
        $json.target_modules | Should -Not -BeNullOrEmpty
    }

    It 'writes what New-LoraConfig reads' {
        $result | Export-LoraAdapter 'TestDrive:/again'
        (New-LoraConfig -Path 'TestDrive:/again').Rank | Should -Be 2
    }

    It 'gives the folder with -PassThru' {
        $folder = $result | Export-LoraAdapter 'TestDrive:/passed' -PassThru
        $folder | Should -BeOfType [System.IO.DirectoryInfo]
        $folder.Name | Should -Be 'passed'
    }

    It 'overwrites with -Force only' {
        $result | Export-LoraAdapter 'TestDrive:/twice'
        { $result | Export-LoraAdapter 'TestDrive:/twice' } | Should -Throw -ErrorId 'LoraOutputExists,Lora.Commands.ExportLoraAdapterCommand'
        { $result | Export-LoraAdapter 'TestDrive:/twice' -Force } | Should -Not -Throw
    }

    It 'never writes two adapters of a pipeline to one folder' {
        { $result, $result | Export-LoraAdapter 'TestDrive:/both' -Force } |
            Should -Throw -ErrorId 'LoraOutputRepeated,Lora.Commands.ExportLoraAdapterCommand'
    }

    It 'writes an adapter of a diffusion model as one file, which is the same adapter' {
        $flux = Join-Path $PSScriptRoot '../examples/flux/adapter'
        $file = Get-LoraAdapter $flux | Export-LoraAdapter 'TestDrive:/kohya/flux' -Format Kohya -PassThru
        $file | Should -BeOfType [System.IO.FileInfo]
        $file.Name | Should -Be 'flux.safetensors'
        $read = Get-LoraAdapter $file
        $read.Format | Should -Be Kohya
        $read.Path | Should -Be $file.FullName
        $same = Compare-LoraAdapter $flux $file -Summary
        $same.Cosine | Should -BeGreaterThan 0.9999999
        $same.DifferenceCount | Should -Be 0
        $file | Edit-LoraAdapter -Exclude '**.2.proj_*' | Export-LoraAdapter 'TestDrive:/cut'
        (Get-LoraAdapter 'TestDrive:/cut').Format | Should -Be Peft
        Get-LoraAdapter 'TestDrive:/cut' | ForEach-Object ModuleCount | Should -Be 20
        (Merge-LoraAdapter $file, 'TestDrive:/cut' -Weight 0.5, 0.5).Config.Rank | Should -Be 4
    }

    It 'writes an adapter for llama.cpp as one file, which is read again as the same adapter' {
        $file = $result | Export-LoraAdapter 'TestDrive:/llama/adapter' -Format Gguf -TensorType F32 -PassThru
        $file.Name | Should -Be 'adapter.gguf'
        $read = Get-LoraAdapter $file
        $read.Format | Should -Be Gguf
        $read.DataType | Should -Be F32
        $read.ModuleCount | Should -Be (Get-LoraAdapter $result).ModuleCount
        $same = Compare-LoraAdapter $result $file -Summary
        $same.Cosine | Should -BeGreaterThan 0.9999999
        $same.DifferenceCount | Should -Be 0
        $read | Export-LoraAdapter 'TestDrive:/back'
        (Get-LoraAdapter 'TestDrive:/back').Format | Should -Be Peft
        { $result | Export-LoraAdapter 'TestDrive:/llama/adapter' -Format Gguf } | Should -Throw -ErrorId 'LoraOutputExists,Lora.Commands.ExportLoraAdapterCommand'
        (Get-LoraAdapter ($result | Export-LoraAdapter 'TestDrive:/llama/adapter.gguf' -Format Gguf -Force -PassThru)).DataType | Should -Be F16
    }

    It 'refuses a form that an adapter has not' {
        { $result | Export-LoraAdapter 'TestDrive:/kohya/x' -Format Kohya } | Should -Throw -ErrorId 'LoraFormatRefused,Lora.Commands.ExportLoraAdapterCommand'
        { $result | Export-LoraAdapter 'TestDrive:/kohya/x' -Format Diffusers } | Should -Throw -ErrorId 'LoraFormatRefused,Lora.Commands.ExportLoraAdapterCommand'
        { $result | Export-LoraAdapter 'TestDrive:/kohya/x' -TensorType F32 } | Should -Throw -ErrorId 'LoraConfigConflict,Lora.Commands.ExportLoraAdapterCommand'
        { $result | Export-LoraAdapter 'TestDrive:/kohya/x' -Format Gguf -TensorType Q8_0 } | Should -Throw -ErrorId 'LoraFormatRefused,Lora.Commands.ExportLoraAdapterCommand'
        { $result | Export-LoraAdapter 'TestDrive:/kohya/x' -Format Kohya -Portable } | Should -Throw -ErrorId 'LoraConfigConflict,Lora.Commands.ExportLoraAdapterCommand'
    }

    It 'refuses wildcards in the destination' {
        { $result | Export-LoraAdapter 'TestDrive:/a*' } | Should -Throw -ErrorId 'LoraOutputHasWildcard,Lora.Commands.ExportLoraAdapterCommand'
    }

    It 'takes brackets for themselves with -LiteralPath' {
        $folder = $result | Export-LoraAdapter -LiteralPath 'TestDrive:/[x]' -PassThru
        $folder.Name | Should -Be '[x]'
    }

    It 'writes nothing with -WhatIf' {
        $result | Export-LoraAdapter 'TestDrive:/what-if' -WhatIf
        'TestDrive:/what-if' | Should -Not -Exist
    }
}
