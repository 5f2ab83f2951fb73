#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
}

Describe 'Get-LoraModule' {
    Context 'Listing' {
        It 'gives the modules that LoRA adapts, in the order of the model' {
            $modules = Get-LoraModule $model
            $modules[0].Name | Should -Be 'model.embed_tokens'
            $modules[0] | Should -BeOfType [Lora.LoraModuleInfo]
            $modules.Kind | Should -Not -Contain 'Norm'
        }

        It 'takes the id of a model that Hugging Face''s tools have downloaded' {
            $cache = $env:HF_HUB_CACHE
            try {
                $env:HF_HUB_CACHE = Join-Path $TestDrive hub
                $null = New-Item -ItemType Directory (Join-Path $env:HF_HUB_CACHE models--org--name snapshots), (Join-Path $env:HF_HUB_CACHE models--org--name refs)
                Copy-Item $model (Join-Path $env:HF_HUB_CACHE models--org--name snapshots abc) -Recurse
                Set-Content (Join-Path $env:HF_HUB_CACHE models--org--name refs main) abc

                (Get-LoraModule org/name).Count | Should -Be (Get-LoraModule $model).Count
                (New-LoraConfig -TargetModule q_proj -Model org/name).Model | Should -BeLike '*abc'
            }
            finally {
                $env:HF_HUB_CACHE = $cache
            }
        }

        It 'gives the other kinds too with -All' {
            (Get-LoraModule $model -All).Kind | Should -Contain 'Norm'
        }

        It 'tells shape, features, layer and role' {
            $module = Get-LoraModule $model -Include '**.2.mlp.down_proj'
            $module.Layer | Should -Be 2
            $module.Role | Should -Be 'down_proj'
            $module.Shape[0] | Should -Be $module.OutFeatures
            $module.Shape[1] | Should -Be $module.InFeatures
        }
    }

    Context 'Choosing' {
        It 'tells the parts of a model by their names, and a language model alone is all text' {
            Get-LoraModule $model | Where-Object Part -ne text | Should -BeNullOrEmpty
            (Get-LoraModule $model | Where-Object Part -eq text).Count | Should -Be (Get-LoraModule $model).Count
        }

        It 'matches a glob without a dot with the last part of a name' {
            (Get-LoraModule $model -Include q_proj).Name | Should -Be @(0..3 | ForEach-Object { "model.layers.$_.self_attn.q_proj" })
        }

        It 'keeps a star inside one part and lets two stars cross parts' {
            Get-LoraModule $model -Include 'model.*.q_proj' -WarningAction SilentlyContinue | Should -BeNullOrEmpty
            (Get-LoraModule $model -Include 'model.**.q_proj').Count | Should -Be 4
        }

        It 'ignores case' {
            (Get-LoraModule $model -Include Q_PROJ).Count | Should -Be 4
        }

        It 'leaves out what -Exclude matches' {
            (Get-LoraModule $model -Include *_proj -Exclude '**.0.**').Layer | Should -Not -Contain 0
        }

        It 'counts blocks with -Layer, and leaves out what is in none' {
            (Get-LoraModule $model -Layer (0..1)).Layer | Select-Object -Unique | Should -Be 0, 1
            Get-LoraModule $model -Layer 1, 9 -Include q_proj -WarningAction SilentlyContinue -WarningVariable warnings | Should -HaveCount 1
            $warnings[0].Message | Should -Match 'its blocks are 0 to 3'
        }

        It 'warns of a glob that matches nothing' {
            Get-LoraModule $model -Include q_proj, k_prj -WarningAction SilentlyContinue -WarningVariable warnings | Should -HaveCount 4
            $warnings[0].Message | Should -Match 'k_prj'
        }

        It 'refuses a pattern of another kind' {
            { Get-LoraModule $model -Include '[qk]_proj' } | Should -Throw -ErrorId 'LoraPatternInvalid,Lora.Commands.GetLoraModuleCommand'
        }
    }

    Context 'Paths' {
        It 'takes folders from the pipeline' {
            (Get-Item -Path $model | Get-LoraModule).Count | Should -Be (Get-LoraModule $model).Count
        }

        It 'takes brackets to the letter with -LiteralPath' {
            Copy-Item -Path $model -Destination 'TestDrive:/[model]' -Recurse
            (Get-LoraModule -LiteralPath 'TestDrive:/[model]').Count | Should -Be (Get-LoraModule $model).Count
        }

        It 'starts a relative path at the current location' {
            Push-Location (Join-Path $PSScriptRoot '../examples')
            try {
                Get-LoraModule ./model -Include q_proj | Should -HaveCount 4
            }
            finally {
                Pop-Location
            }
        }

        It 'goes on with the next path after one that is missing' {
            $modules = Get-LoraModule ./missing, $model -Include q_proj -ErrorAction SilentlyContinue -ErrorVariable failures
            $modules | Should -HaveCount 4
            $failures[0].FullyQualifiedErrorId | Should -Be 'LoraPathNotFound,Lora.Commands.GetLoraModuleCommand'
        }

        It 'refuses what is not of the file system' {
            { Get-LoraModule Env:PATH -ErrorAction Stop } | Should -Throw -ErrorId 'LoraPathNotFileSystem,Lora.Commands.GetLoraModuleCommand'
        }
    }
}
