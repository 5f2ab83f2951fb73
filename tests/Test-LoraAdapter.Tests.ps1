#Requires -Version 7.6
BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
    $data = Join-Path $PSScriptRoot '../examples/data/animal-notes.validation.jsonl'
    $config = New-LoraConfig -Model $model -TargetModule layers.1.self_attn.q_proj -Rank 2 -UseRsLora
    $result = Invoke-LoraTraining $config -Dataset $data -MaxStep 1 -OutputPath (Join-Path $TestDrive 'adapter')
}

Describe 'Test-LoraAdapter' {
    It 'says for each client whether it reads the adapter rightly, and what is in the way' {
        $reports = $result | Test-LoraAdapter -Client vLLM, SGLang, LlamaCpp
        $reports.Client | Should -Be VLLM, SGLang, LlamaCpp
        $reports.Outcome | Should -Be Right, Refused, Wrong
        $reports[2].Field | Should -Be 'use_rslora'
    }

    It 'takes folders and wildcards, and gives a Boolean for each with -Quiet' {
        Test-LoraAdapter (Join-Path $TestDrive 'adap*') -Client PEFT -Quiet | Should -BeTrue
        Get-LoraAdapter (Join-Path $TestDrive 'adapter') | Test-LoraAdapter -Client TGI -Quiet | Should -BeFalse
    }

    It 'is satisfied with a portable export' {
        $result | Export-LoraAdapter (Join-Path $TestDrive 'portable') -Portable -BaseModelName org/name -WarningVariable warnings
        $warnings | Should -BeNullOrEmpty
        Test-LoraAdapter (Join-Path $TestDrive 'portable') -Client vLLM, SGLang, TGI, LlamaCpp -Model $model -Quiet | Should -BeTrue
        $written = Get-LoraAdapter (Join-Path $TestDrive 'portable')
        $written.BaseModel | Should -Be 'org/name'
        $written.Module.Count | Should -Be 8
    }

    It 'has its warning in one line of a plain export' {
        $result | Export-LoraAdapter (Join-Path $TestDrive 'plain') -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings.Count | Should -Be 1
        "$warnings" | Should -BeLike '*LlamaCpp (use_rslora)*Test-LoraAdapter*'
    }

    It 'computes the same after a portable export' {
        $before = $result | Measure-LoraAdapter -Dataset $data
        $result | Export-LoraAdapter (Join-Path $TestDrive 'same') -Portable -Force
        $after = Measure-LoraAdapter (Join-Path $TestDrive 'same') -Model $model -Dataset $data
        [Math]::Abs($before.Loss - $after.Loss) | Should -BeLessThan 1e-5
    }
}
