#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeDiscovery {
    $scripts = Get-ChildItem -Path (Join-Path $PSScriptRoot '../examples') -Filter '*.ps1' |
        ForEach-Object { @{ Name = $_.Name; Script = $_.FullName } }
    $pages = Get-ChildItem -Path (Join-Path $PSScriptRoot '../docs/en-US') -Filter '*.md' |
        ForEach-Object { @{ Name = $_.BaseName; Page = $_.FullName } }
}

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
}

Describe 'The example <Name>' -ForEach $scripts {
    It 'runs from another folder' {
        Push-Location $TestDrive
        try {
            & $Script -OutputPath (Join-Path $TestDrive 'adapter')
        }
        finally {
            Pop-Location
        }

        'TestDrive:/adapter/adapter_model.safetensors' | Should -Exist
    }
}

Describe 'The help page <Name>' -ForEach $pages {
    BeforeAll {
        $examples = Join-Path $PSScriptRoot '../examples'
        Copy-Item -Path (Join-Path $examples 'model') -Destination 'TestDrive:/model' -Recurse
        Copy-Item -Path (Join-Path $examples 'data/animal-notes.train.jsonl') -Destination 'TestDrive:/train.jsonl'
        Copy-Item -Path (Join-Path $examples 'data/animal-notes.validation.jsonl') -Destination 'TestDrive:/validation.jsonl'
        Push-Location $TestDrive
        New-LoraConfig -Model ./model -TargetModule q_proj -Rank 4 |
            Invoke-LoraTraining -Dataset ./train.jsonl -MaxStep 1 |
            Export-LoraAdapter ./adapter
    }

    AfterAll {
        Pop-Location
    }

    It 'has examples that run' {
        $blocks = [regex]::Matches((Get-Content -Path $Page -Raw), '(?ms)^```powershell\r?\n(.*?)^```')
        $blocks.Count | Should -BeGreaterThan 0
        foreach ($block in $blocks) {
            { & ([scriptblock]::Create($block.Groups[1].Value)) } | Should -Not -Throw
        }
    }
}
