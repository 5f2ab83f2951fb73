#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    . (Join-Path $PSScriptRoot LocalHub.ps1)
    . (Join-Path $PSScriptRoot ScriptedHost.ps1)
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
    New-LoraConfig -Model $model -TargetModule q_proj -Rank 2 |
        Invoke-LoraTraining -Dataset (Join-Path $PSScriptRoot '../examples/data/animal-notes.train.jsonl') -MaxStep 1 |
        Export-LoraAdapter (Join-Path $TestDrive adapter) -BaseModelName org/model
    $adapter = Join-Path $TestDrive adapter
    Set-Content (Join-Path $adapter optimizer.safetensors) state
    $hub = Start-LocalHub (Join-Path $TestDrive hf)
    $env:HF_TOKEN = $hub.Token
}

AfterAll {
    Stop-LocalHub $hub
}

Describe 'Publish-LoraAdapter' {
    BeforeEach {
        $hub.Repositories.Clear()
        $hub.Storage.Clear()
        $hub.PartSize = $null
        $hub.Reset()
    }

    It 'sends nothing with -WhatIf' {
        Publish-LoraAdapter $adapter -Repository me/adapter -WhatIf | Should -BeNullOrEmpty
        $hub.Requests | Should -HaveCount 0
    }

    It 'makes a private repository of the adapter''s files and gives its page' {
        $published = Publish-LoraAdapter $adapter -Repository me/adapter -Confirm:$false
        $published | Should -BeOfType [Lora.LoraPublishedAdapter]
        $published.Url | Should -Be "$($hub.Address)/me/adapter"
        $published.IsPrivate | Should -BeTrue
        $published.Commit | Should -Be $hub.Repositories['me/adapter'].Commit
        $published.File | Should -Be adapter_config.json, adapter_model.safetensors, README.md
    }

    It 'takes adapters from the pipeline, a message and -Public' {
        $published = Get-LoraAdapter $adapter | Publish-LoraAdapter -Repository me/adapter -Public -Message 'First' -Confirm:$false
        $published.IsPrivate | Should -BeFalse
        [System.Text.Encoding]::UTF8.GetString(($hub.Requests | Where-Object Target -Like '*/commit/*').Body) | Should -BeLike '*"summary":"First"*'
    }

    It 'says that -Public does not show others what is there and private' {
        $null = Publish-LoraAdapter $adapter -Repository me/adapter -Confirm:$false
        $published = Publish-LoraAdapter $adapter -Repository me/adapter -Public -Confirm:$false -WarningAction SilentlyContinue -WarningVariable warnings
        $published.IsPrivate | Should -BeTrue
        "$warnings" | Should -BeLike "'me/adapter' was there, and is private*$($hub.Address)/me/adapter/settings"
    }

    It 'takes the result of a training that was written, with the folder as it is' {
        $result = New-LoraConfig -Model $model -TargetModule q_proj -Rank 2 |
            Invoke-LoraTraining -Dataset (Join-Path $PSScriptRoot '../examples/data/animal-notes.train.jsonl') -MaxStep 1 -OutputPath (Join-Path $TestDrive run)
        $published = $result | Publish-LoraAdapter -Repository me/run -Confirm:$false -WarningAction SilentlyContinue -WarningVariable warnings
        $published.File | Should -Contain adapter_model.safetensors
        $hub.Repositories['me/run'].Files.Keys | Should -Not -Contain metrics.jsonl
        $warnings[0].Message | Should -Match 'Export-LoraAdapter -BaseModelName'
    }

    It 'does not deny the commit where the pipeline has enough of it' {
        $screen = [ScriptedHost]::new()
        $shell = [powershell]::Create([runspacefactory]::CreateRunspace($screen))
        $shell.Runspace.Open()
        $given = $shell.AddScript("Import-Module '$PSScriptRoot/../Lora.psd1'; Publish-LoraAdapter '$adapter' -Repository me/adapter -Confirm:`$false | Select-Object -First 1").Invoke()
        $shell.Runspace.Dispose()
        $given | Should -HaveCount 1
        $screen.Text | Should -Not -Match 'stopped'
        $hub.Repositories['me/adapter'].Files.Keys | Should -Contain adapter_model.safetensors
    }

    It 'that is killed <While> leaves nothing half: the next one brings what is missing, and the hub has the whole adapter in one commit' -ForEach @(
        @{ While = 'while it uploads a file'; Request = '^cdn PUT'; Part = $null; Sent = 1 }
        @{ While = 'between the parts of a file'; Request = '^cdn PUT /[0-9a-f]+/2\?'; Part = 2000; Sent = 3 }
        @{ While = 'while it waits for the commit'; Request = '/commit/'; Part = $null; Sent = 0 }
    ) {
        $hub.PartSize = $Part
        $before = Get-ChildItem $adapter -Recurse -File | Get-FileHash
        $hub.Fail([Lora.Tests.Hubs.LocalFault] @{ Request = $Request; Delay = [timespan]::FromMinutes(5) })
        $code = "Import-Module '$PSScriptRoot/../Lora.psd1'; Publish-LoraAdapter '$adapter' -Repository me/adapter -Confirm:`$false"
        $first = [System.Diagnostics.Process]::Start([System.Diagnostics.ProcessStartInfo]::new('dotnet', [string[]] ([System.Environment]::GetCommandLineArgs()[0], '-NoProfile', '-Command', $code)))
        while (-not $first.HasExited -and -not ($hub.Requests -match $Request)) { Start-Sleep -Milliseconds 50 }
        $first.Kill()
        $first.WaitForExit()
        $hub.Repositories['me/adapter'].Files.Keys | Should -Be .gitattributes

        $hub.Reset()
        $published = Publish-LoraAdapter $adapter -Repository me/adapter -Confirm:$false
        $files = $hub.Repositories['me/adapter'].Files
        $files.Keys | Sort-Object | Should -Be (@($published.File) + '.gitattributes' | Sort-Object)
        foreach ($name in $published.File) {
            [System.Linq.Enumerable]::SequenceEqual($files[$name].Head.ToArray(), [System.IO.File]::ReadAllBytes((Join-Path $adapter $name))) | Should -BeTrue -Because $name
        }
        $hub.Requests -match '/commit/' | Should -HaveCount 1
        @($hub.Requests -match '^cdn PUT').Count -gt 0 | Should -Be ($Sent -gt 0)
        Get-ChildItem $adapter -Recurse -File | Get-FileHash | ForEach-Object { "$($_.Path) $($_.Hash)" } | Should -Be @($before | ForEach-Object { "$($_.Path) $($_.Hash)" })
        Get-ChildItem $TestDrive -Recurse -File -Force | Where-Object Name -Match '\.(tmp|incomplete)$' | Should -BeNullOrEmpty
    }

    It 'comes back as it went' {
        $null = Publish-LoraAdapter $adapter -Repository me/adapter -Confirm:$false
        Install-LoraModel me/adapter | Out-Null
        (Get-LoraAdapter me/adapter).Size | Should -Be (Get-LoraAdapter $adapter).Size
        (Get-FileHash (Join-Path (Get-LoraAdapter me/adapter).Path adapter_model.safetensors)).Hash | Should -Be (Get-FileHash (Join-Path $adapter adapter_model.safetensors)).Hash
    }

    It 'takes -Token in place of the environment''s, and shows it nowhere' {
        $secret = ConvertTo-SecureString $hub.ReadToken -AsPlainText
        { Publish-LoraAdapter $adapter -Repository me/adapter -Token $secret -Confirm:$false } | Should -Throw -ErrorId 'LoraHubAccessDenied,Lora.Commands.PublishLoraAdapterCommand'
        "$($Error[0] | Format-List * -Force | Out-String)" | Should -Not -Match $hub.ReadToken
    }

    It 'refuses a name that is none, an adapter in memory and a second adapter for one repository' {
        { Publish-LoraAdapter $adapter -Repository ../up -Confirm:$false } | Should -Throw -ErrorId 'LoraHubNameInvalid,Lora.Commands.PublishLoraAdapterCommand'
        { Get-LoraAdapter $adapter | Edit-LoraAdapter -Scale 0.5 | Publish-LoraAdapter -Repository me/adapter -Confirm:$false -ErrorAction Stop } |
            Should -Throw -ErrorId 'LoraConfigConflict,Lora.Commands.PublishLoraAdapterCommand'
        { $adapter, $adapter | Publish-LoraAdapter -Repository me/adapter -Confirm:$false } | Should -Throw -ErrorId 'LoraOutputRepeated,Lora.Commands.PublishLoraAdapterCommand'
    }
}
