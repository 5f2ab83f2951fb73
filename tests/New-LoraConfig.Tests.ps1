#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
}

Describe 'New-LoraConfig' {
    Context 'From modules of a pipeline' {
        It 'targets exactly these and knows their model' {
            $config = Get-LoraModule $model -Include q_proj | Where-Object Layer -GE 2 | New-LoraConfig
            $config.Module | Should -Be 'model.layers.2.self_attn.q_proj', 'model.layers.3.self_attn.q_proj'
            $config.Model | Should -Be (Resolve-Path $model).ProviderPath
        }

        It 'leaves out what -Exclude matches' {
            (Get-LoraModule $model -Include *_proj | New-LoraConfig -Exclude '**.mlp.*').Module | Should -Not -Match 'mlp'
        }

        It 'refuses a pipeline without modules' {
            { @() | New-LoraConfig -Rank 8 -ErrorAction Stop } | Should -Throw -ErrorId 'LoraNoTargets,Lora.Commands.NewLoraConfigCommand'
        }

        It 'refuses modules that LoRA does not adapt' {
            { Get-LoraModule $model -All | New-LoraConfig } | Should -Throw -ErrorId 'LoraTargetKindUnsupported,Lora.Commands.NewLoraConfigCommand'
        }
    }

    Context 'From the fields of PEFT' {
        It 'has the defaults rank 16 and alpha 32' {
            $config = New-LoraConfig -TargetModule q_proj
            $config.Rank | Should -Be 16
            $config.Alpha | Should -Be 32
            $config.Bias | Should -Be 'None'
        }

        It 'takes the short names too' {
            $config = New-LoraConfig -TargetModule q_proj -r 4 -LoraAlpha 8 -LayersToTransform 0, 1
            $config.Rank | Should -Be 4
            $config.Alpha | Should -Be 8
            $config.LayersToTransform | Should -Be 0, 1
        }

        It 'finds a misspelt target when it knows the model' {
            { New-LoraConfig -Model $model -TargetModule q_prj } | Should -Throw -ErrorId 'LoraTargetNotFound,Lora.Commands.NewLoraConfigCommand'
        }

        It 'says where a model goes that is piped in' {
            { Get-Item $model | New-LoraConfig -ErrorAction Stop } |
                Should -Throw -ErrorId 'LoraNotAConfig,Lora.Commands.NewLoraConfigCommand' -ExpectedMessage '*it is a model''s, which -Model names*'
        }

        It 'says where names of modules go that are piped in' {
            { 'q_proj' | New-LoraConfig -ErrorAction Stop } |
                Should -Throw -ErrorId 'LoraNotAConfig,Lora.Commands.NewLoraConfigCommand' -ExpectedMessage '*names of modules go with -TargetModule*'
            { './q_proj' | New-LoraConfig -ErrorAction Stop } | Should -Throw -ErrorId 'LoraPathNotFound,Lora.Commands.NewLoraConfigCommand'
        }

        It 'refuses an empty pattern, which is an empty variable' {
            { New-LoraConfig -TargetPattern '' } | Should -Throw -ErrorId 'ParameterArgumentValidationError,Lora.Commands.NewLoraConfigCommand'
            { New-LoraConfig -TargetModule q_proj -ExcludePattern $none } | Should -Throw -ErrorId 'ParameterArgumentValidationError,Lora.Commands.NewLoraConfigCommand'
            { New-LoraConfig -TargetModule q_proj -ExcludePattern ' ' } | Should -Throw -ExpectedMessage 'ExcludePattern is empty*'
        }

        It 'refuses two ways to name targets' {
            { New-LoraConfig -TargetModule q_proj -TargetPattern all-linear } | Should -Throw -ErrorId 'LoraConfigConflict,Lora.Commands.NewLoraConfigCommand'
        }

        It 'refuses an initialisation that there is not' {
            { New-LoraConfig -TargetModule q_proj -Initialization sideways } | Should -Throw -ErrorId 'LoraConfigValueInvalid,Lora.Commands.NewLoraConfigCommand'
        }

        It 'refuses a rank below 1 before it begins' {
            { New-LoraConfig -TargetModule q_proj -Rank 0 } | Should -Throw -ErrorId 'ParameterArgumentValidationError,Lora.Commands.NewLoraConfigCommand'
        }

        It 'keeps the order of an ordered dictionary of ranks' {
            $config = New-LoraConfig -TargetModule q_proj, v_proj -RankPattern ([ordered]@{ v_proj = 2; q_proj = 4 })
            $config.RankPattern.Pattern | Should -Be 'v_proj', 'q_proj'
            $config.RankPattern.Value | Should -Be 2, 4
        }
    }

    Context 'From a file' {
        It 'starts from an adapter_config.json and changes what is given' {
            Set-Content -Path 'TestDrive:/adapter_config.json' -Value '{ "peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"] }'
            $config = New-LoraConfig -Path 'TestDrive:/adapter_config.json' -Alpha 32
            $config.Rank | Should -Be 4
            $config.Alpha | Should -Be 32
            $config.TargetModule | Should -Be 'q_proj'
        }

        It 'refuses a file that is not there' {
            { New-LoraConfig -Path 'TestDrive:/missing.json' -ErrorAction Stop } | Should -Throw -ErrorId 'LoraPathNotFound,Lora.Commands.NewLoraConfigCommand'
        }
    }
}
