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

    Context 'The cache of Hugging Face''s tools' {
        BeforeAll {
            $usual = $env:HF_HUB_CACHE
            $env:HF_HUB_CACHE = Join-Path $TestDrive hub
            $repository = Join-Path $env:HF_HUB_CACHE models--org--name
            $null = New-Item -ItemType Directory (Join-Path $repository snapshots), (Join-Path $repository refs)
            Copy-Item $model (Join-Path $repository snapshots abcdef) -Recurse
            Copy-Item $model (Join-Path $repository snapshots 123456) -Recurse
            Set-Content (Join-Path $repository refs main) abcdef
            Set-Content (Join-Path $repository refs v2) 123456
        }

        AfterAll {
            $env:HF_HUB_CACHE = $usual
        }

        It 'takes the name of a model that is there' {
            (Get-LoraModule org/name).Count | Should -Be (Get-LoraModule $model).Count
            (New-LoraConfig -TargetModule q_proj -Model org/name).Model | Should -BeLike '*abcdef'
            (New-LoraConfig -TargetModule q_proj -Model org/name -Revision v2).Model | Should -BeLike '*123456'
        }

        It 'takes -Revision <Revision>' -ForEach @(
            @{ Revision = 'main'; Commit = 'abcdef' }
            @{ Revision = 'v2'; Commit = '123456' }
            @{ Revision = '123456'; Commit = '123456' }
            @{ Revision = 'abcd'; Commit = 'abcdef' }
        ) {
            (Get-LoraModule org/name -Revision $Revision -Include lm_head).Model | Split-Path -Leaf | Should -Be $Commit
        }

        It 'takes the folder of a model in the cache for its snapshot' {
            (Get-LoraModule $repository -Include lm_head).Model | Split-Path -Leaf | Should -Be abcdef
            (Get-Item $repository | Get-LoraModule -Include lm_head).Model | Split-Path -Leaf | Should -Be abcdef
            (Get-LoraModule (Join-Path $env:HF_HUB_CACHE 'models--*') -Revision v2 -Include lm_head).Model | Split-Path -Leaf | Should -Be 123456
        }

        It 'takes a path that is there for the path, whatever the cache has' {
            $null = New-Item -ItemType Directory 'TestDrive:/here/org'
            Copy-Item $model 'TestDrive:/here/org/name' -Recurse
            Push-Location 'TestDrive:/here'
            try {
                (Get-LoraModule org/name -Include lm_head).Model | Should -BeLike '*here*org*name'
                { Get-LoraModule org/name -Revision v2 -ErrorAction Stop } | Should -Throw -ErrorId 'LoraConfigConflict,Lora.Commands.GetLoraModuleCommand'
            }
            finally {
                Pop-Location
            }
        }

        It 'says of what is not there which cache was looked at, and the command that downloads it' {
            { Get-LoraModule org/other -ErrorAction Stop } | Should -Throw "*$env:HF_HUB_CACHE*Install-LoraModel org/other" -ErrorId 'LoraModelNotCached,Lora.Commands.GetLoraModuleCommand'
            { Get-LoraModule org/name -Revision v3 -ErrorAction Stop } | Should -Throw '*v2*main*Install-LoraModel org/name -Revision v3' -ErrorId 'LoraRevisionNotCached,Lora.Commands.GetLoraModuleCommand'
        }

        It 'names the file that a cut download lacks' {
            $null = New-Item -ItemType Directory (Join-Path $env:HF_HUB_CACHE models--org--cut snapshots 12345)
            Set-Content (Join-Path $env:HF_HUB_CACHE models--org--cut snapshots 12345 model-00001-of-00002.safetensors) x
            { Get-LoraModule org/cut -ErrorAction Stop } | Should -Throw '*model-00002-of-00002.safetensors*' -ErrorId 'LoraSnapshotIncomplete,Lora.Commands.GetLoraModuleCommand'
        }

        It 'finds the base model that an adapter names, and an adapter by its name' {
            $folder = Join-Path $env:HF_HUB_CACHE models--me--adapter snapshots 1234567
            $null = New-Item -ItemType Directory (Split-Path $folder)
            New-LoraConfig -TargetModule q_proj -Model org/name -Rank 2 |
                Invoke-LoraTraining -Dataset (Join-Path $PSScriptRoot '../examples/data/animal-notes.train.jsonl') -MaxStep 1 -WarningAction SilentlyContinue -MaxLength 32 -OutputPath $folder | Out-Null

            (Get-LoraAdapter me/adapter).BaseModel | Should -Be org/name
            Invoke-LoraGeneration 'The' -Adapter me/adapter -MaxToken 1 | Should -HaveCount 1
        }

        It 'completes <Line> to <Offered>' -ForEach @(
            @{ Line = 'Get-LoraModule org/n'; Offered = 'org/name' }
            @{ Line = 'New-LoraConfig -Model ORG/'; Offered = 'org/cut org/name' }
            @{ Line = 'Get-LoraAdapter me/'; Offered = 'me/adapter' }
            @{ Line = 'Get-LoraModule org/name -Revision '; Offered = 'main v2 123456 abcdef' }
            @{ Line = 'Get-LoraModule org/name -Include v_'; Offered = 'v_proj' }
            @{ Line = 'Get-LoraModule ./hu'; Offered = '*hub*' }
        ) {
            Push-Location $TestDrive
            try {
                (TabExpansion2 $Line $Line.Length).CompletionMatches.CompletionText -replace "'" -join ' ' | Should -BeLike $Offered
            }
            finally {
                Pop-Location
            }
        }
    }

    Context 'A hub' {
        BeforeAll {
            . (Join-Path $PSScriptRoot LocalHub.ps1)
            $hub = Start-LocalHub (Join-Path $TestDrive hf)
            $null = $hub.Add('org/remote', $model)
        }

        AfterAll {
            Stop-LocalHub $hub
        }

        It 'is asked with -Remote, and nothing is kept' {
            (Get-LoraModule org/remote -Remote).Name | Should -Be (Get-LoraModule $model).Name
            $env:HF_HOME | Should -Not -Exist
        }

        It 'is not asked without -Remote' {
            $hub.Reset()
            { Get-LoraModule org/remote -ErrorAction Stop } | Should -Throw -ErrorId 'LoraModelNotCached,Lora.Commands.GetLoraModuleCommand'
            $hub.Requests | Should -HaveCount 0
        }

        It 'is not asked for what a path leads to, which is said' {
            $hub.Reset()
            Get-LoraModule $model -Remote -Include lm_head -WarningAction SilentlyContinue -WarningVariable warnings | Should -HaveCount 1
            $warnings[0].Message | Should -Match 'is on this machine'
            $hub.Requests | Should -HaveCount 0
        }

        It 'has what a configuration keeps the name of' {
            $config = Get-LoraModule org/remote -Remote -Include q_proj | New-LoraConfig -Rank 4
            $config.Model, $config.BaseModelNameOrPath | Should -Be $null, 'org/remote'
            { $config | Invoke-LoraTraining -Dataset (Join-Path $PSScriptRoot '../examples/data/animal-notes.train.jsonl') -ErrorAction Stop } |
                Should -Throw '*Install-LoraModel org/remote' -ErrorId 'LoraModelNotCached,Lora.Commands.InvokeLoraTrainingCommand'
        }

        It 'has modules that are measured once their model is in the cache' {
            $null = $hub.Add('org/measured', $model)
            $modules = Get-LoraModule org/measured -Remote -Include lm_head, q_proj
            { $modules | Measure-LoraModule -Score Norm } | Should -Throw '*Install-LoraModel org/measured' -ErrorId 'LoraModelNotCached,Lora.Commands.MeasureLoraModuleCommand'
            $null = Install-LoraModel org/measured
            ($modules | Measure-LoraModule -Score Norm).Norm | Should -Be (Get-LoraModule $model -Include lm_head, q_proj | Measure-LoraModule -Score Norm).Norm
        }

        It 'says of an adapter what it is' {
            $null = $hub.Add('org/adapter', (Join-Path $PSScriptRoot '../examples/flux/adapter'))
            { Get-LoraModule org/adapter -Remote -ErrorAction Stop } |
                Should -Throw "'org/adapter' is not a model: it is an adapter*" -ErrorId 'LoraNotAModel,Lora.Commands.GetLoraModuleCommand'
        }

        It 'says what it does not have, and goes on with the next name' {
            $modules = Get-LoraModule org/none, org/remote -Remote -Include lm_head -ErrorAction SilentlyContinue -ErrorVariable failures
            $modules | Should -HaveCount 1
            $failures[0].FullyQualifiedErrorId | Should -Be 'LoraHubModelNotFound,Lora.Commands.GetLoraModuleCommand'
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
