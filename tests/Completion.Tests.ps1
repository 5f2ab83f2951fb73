#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    Copy-Item -Path (Join-Path $PSScriptRoot '../examples/model') -Destination 'TestDrive:/model' -Recurse
    New-Item -Path 'TestDrive:/broken' -ItemType Directory
    Set-Content -Path 'TestDrive:/broken/model.safetensors' -Value 'no header'
    Set-Content -Path 'TestDrive:/q_file.txt' -Value 'what the shell offers where a completer says nothing'
    Push-Location 'TestDrive:/'

    function Get-Completion ([string] $Line) {
        (TabExpansion2 $Line $Line.Length).CompletionMatches.CompletionText -join ' '
    }
}

AfterAll {
    Pop-Location
}

Describe 'Completion' {
    Context 'Module names' {
        It 'offers <Offered> for <Line>' -ForEach @(
            @{ Line = 'Get-LoraModule ./model -Include '; Offered = 'embed_tokens q_proj k_proj v_proj o_proj gate_proj up_proj down_proj lm_head' }
            @{ Line = 'Get-LoraModule ./model -All -Include *norm'; Offered = 'input_layernorm post_attention_layernorm norm' }
            @{ Line = 'Get-LoraModule ./model -Include q_proj, v'; Offered = 'v_proj' }
            @{ Line = 'Get-LoraModule ./model -Include "model.layers.3.mlp.u'; Offered = '"model.layers.3.mlp.up_proj"' }
            @{ Line = 'Get-LoraModule ./model | New-LoraConfig -Exclude l'; Offered = 'lm_head' }
            @{ Line = 'Get-LoraModule ./model -Include *_proj | Where-Object Layer -gt 1 | New-LoraConfig -Exclude g'; Offered = 'gate_proj' }
            @{ Line = 'New-LoraConfig -Model ./model -TargetModule '; Offered = 'embed_tokens q_proj k_proj v_proj o_proj gate_proj up_proj down_proj lm_head' }
            @{ Line = 'New-LoraConfig -Model ./model -TargetModule mlp.'; Offered = 'mlp.gate_proj mlp.up_proj mlp.down_proj' }
            @{ Line = 'New-LoraConfig -Model ./model -TargetModule q_proj -ExcludeModule layers.0'; Offered = 'layers.0.self_attn.q_proj' }
            @{ Line = 'New-LoraConfig -Model ./model -ModuleToSave n'; Offered = 'norm' }
            @{ Line = 'New-LoraConfig -Model ./model -TargetModule q_proj -Rank 8 -RankPattern q'; Offered = '@{ q_proj = 8 }' }
            @{ Line = 'New-LoraConfig -Model ./model -TargetModule q_proj -Layer '; Offered = '0 1 2 3' }
            @{ Line = 'New-LoraConfig -TargetPattern '; Offered = 'all-linear' }
            @{ Line = 'Measure-LoraAdapter -Column an'; Offered = "@{ answer = '' }" }
            @{ Line = 'Measure-LoraAdapter -DatasetFormat c'; Offered = 'Chat Choice Completion' }
            @{ Line = 'Measure-LoraAdapter -ChatTemplate ll'; Offered = 'llama2 llama3' }
            @{ Line = 'Measure-LoraAdapter -ChatTemplate q_f'; Offered = (Join-Path . q_file.txt) }
            @{ Line = 'Test-LoraDataset ./q_f'; Offered = (Join-Path . q_file.txt) }
            @{ Line = 'Test-LoraDataset -Dataset ./q_f'; Offered = (Join-Path . q_file.txt) }
            @{ Line = 'Test-LoraDataset ./q_file.txt -SupervisedTurn L'; Offered = 'Last' }
        ) {
            Get-Completion $Line | Should -BeExactly $Offered
        }

        It 'finds the model in a variable, and the modules in one' {
            $global:given = Get-LoraModule ./model -Include k_proj, lm_head
            $global:place = Get-Item -Path ./model
            try {
                Get-Completion '$given | New-LoraConfig -Exclude ' | Should -BeExactly 'k_proj lm_head'
                Get-Completion 'Get-LoraModule $place -Include v' | Should -BeExactly 'v_proj'
            }
            finally {
                Remove-Variable -Name given, place -Scope Global
            }
        }
    }

    Context 'Caution' {
        It 'keeps what was typed, and offers no files, for <_>' -ForEach @(
            'Get-LoraModule ./model -Include q_f'
            'Get-LoraModule ./missing -Include q'
            'Get-LoraModule ./broken -Include q'
            'New-LoraConfig -TargetModule q'
            'New-LoraConfig -ModuleToSave q'
            'New-LoraConfig -ExcludePattern q'
            'New-LoraConfig -Initialization q'
            'Invoke-LoraTraining -Device q'
        ) {
            $before = $Error.Count
            Get-Completion $_ | Should -BeExactly ($_ -split ' ')[-1]
            $Error.Count | Should -Be $before
        }

        It 'offers no files where nothing is typed yet' {
            (Get-Completion 'New-LoraConfig -TargetModule ').Trim() | Should -BeNullOrEmpty
        }

        It 'runs nothing of the line <_>' -ForEach @(
            'Get-LoraModule (Get-Place) -Include q'
            'Get-LoraModule "$(Get-Place)" -Include q'
            'Get-LoraModule { Get-Place } -Include q'
            'Get-Place | Get-LoraModule -Include q'
        ) {
            $global:ran = $false
            function global:Get-Place { $global:ran = $true; './model' }
            try {
                Get-Completion $_ | Should -BeExactly 'q'
                $ran | Should -BeFalse
            }
            finally {
                Remove-Variable -Name ran -Scope Global
                Remove-Item -Path Function:/Get-Place
            }
        }

        It 'loads no libtorch' {
            $loaded = Start-Job -WorkingDirectory $PSScriptRoot -ArgumentList (Join-Path $PSScriptRoot '../Lora.psd1'), (Get-Item -Path ./model).FullName {
                param ($Manifest, $Model)
                Import-Module $Manifest
                $line = "Get-LoraModule '$Model' | New-LoraConfig -Exclude q"
                (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText
                (Get-Process -Id $PID).Modules.ModuleName -match 'torch'
            } | Receive-Job -Wait -AutoRemoveJob
            $loaded | Should -Be 'q_proj'
        }
    }
}
