#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    . (Join-Path $PSScriptRoot LocalHub.ps1)
    . (Join-Path $PSScriptRoot ScriptedHost.ps1)
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
    $hub = Start-LocalHub (Join-Path $TestDrive hf)
    $cache = Join-Path $TestDrive hf/hub
    $repository = $hub.Add('org/model', $model)
    $secret = ConvertTo-SecureString $hub.Token -AsPlainText
}

AfterAll {
    Stop-LocalHub $hub
}

Describe 'Install-LoraModel' {
    BeforeEach {
        $repository.IsPrivate = $repository.IsGated = $repository.LetsIn = $false
        $hub.Reset()
        $env:HF_TOKEN = $env:HF_HUB_OFFLINE = $null
    }

    It 'says with -WhatIf what would come, and writes nothing' {
        Install-LoraModel org/model -WhatIf
        $env:HF_HOME | Should -Not -Exist
        $hub.Requests | Should -HaveCount 1
    }

    It 'gives one object, which the other commands take' {
        $installed = Install-LoraModel org/model
        $installed | Should -BeOfType [Lora.LoraInstalledModel]
        $installed.Name, $installed.Revision, $installed.Commit | Should -Be 'org/model', 'main', $repository.Commit
        $installed.Path | Should -Be (Join-Path $cache "models--org--model/snapshots/$($repository.Commit)")
        @($installed | Get-LoraModule).Name | Should -Be @(Get-LoraModule $model).Name
        (New-LoraConfig -Model $installed -TargetModule q_proj).Model | Should -Be $installed.Path
        Get-ChildItem $env:HF_HOME | ForEach-Object Name | Should -Be hub
    }

    It 'brings nothing again, and takes several names from the pipeline' {
        $null = $hub.Add('other/model', $model)
        $both = 'org/model', 'other/model' | Install-LoraModel
        $both.Name | Should -Be 'org/model', 'other/model'
        $both[0].DownloadedSize | Should -Be 0
        $both[1].DownloadedSize | Should -Be $both[1].Size
    }

    It 'takes names and revisions of objects, as of a table or of its own' {
        $tagged = $repository.Push($model, 'v1')
        $installed = "Name,Revision`norg/model,v1" | ConvertFrom-Csv | Install-LoraModel
        $installed.Commit | Should -Be $tagged
        ($installed | Install-LoraModel).Path | Should -Be $installed.Path
    }

    It 'says nothing of a stop where the pipeline has enough of what is all there' {
        $screen = [ScriptedHost]::new()
        $shell = [powershell]::Create([runspacefactory]::CreateRunspace($screen))
        $shell.Runspace.Open()
        $given = $shell.AddScript("Import-Module '$PSScriptRoot/../Lora.psd1'; Install-LoraModel org/model | Get-LoraModule | Select-Object -First 1").Invoke()
        $shell.Runspace.Dispose()
        $given | Should -HaveCount 1
        $screen.Text | Should -Not -Match 'stopped'
    }

    It 'completes names and revisions that are in the cache' {
        $null = Install-LoraModel org/model
        $line = 'Install-LoraModel org/m'
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Be org/model
        $line = 'Install-LoraModel org/model -Revision m'
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Be main
    }

    It 'gives with -Offline, or HF_HUB_OFFLINE, what is there and asks nobody' {
        $path = (Install-LoraModel org/model).Path
        $hub.Reset()
        (Install-LoraModel org/model -Offline).Path | Should -Be $path
        $env:HF_HUB_OFFLINE = '1'
        (Install-LoraModel org/model).Path | Should -Be $path
        { Install-LoraModel org/absent -ErrorAction Stop } | Should -Throw -ErrorId 'LoraModelNotCached,Lora.Commands.InstallLoraModelCommand'
        $hub.Requests | Should -HaveCount 0
    }

    It 'goes on with the next name after one that is not there' {
        $installed = Install-LoraModel org/absent, org/model, ../up -ErrorAction SilentlyContinue -ErrorVariable failures
        $installed.Name | Should -Be org/model
        $failures.FullyQualifiedErrorId | Should -Be 'LoraHubModelNotFound,Lora.Commands.InstallLoraModelCommand', 'LoraHubNameInvalid,Lora.Commands.InstallLoraModelCommand'
    }

    It 'names the page of a gated model, and takes it with the token of who was let in' {
        $gated = $hub.Add('org/gated', $model)
        $gated.IsGated = $true
        $failure = try { Install-LoraModel org/gated -ErrorAction Stop } catch { $_ }
        $failure.FullyQualifiedErrorId | Should -Be 'LoraHubGated,Lora.Commands.InstallLoraModelCommand'
        $failure.CategoryInfo.Category | Should -Be PermissionDenied
        "$failure" | Should -BeLike "*$($hub.Address)/org/gated*"
        $gated.LetsIn = $true
        (Install-LoraModel org/gated -Token $secret).Path | Should -Exist
    }

    It 'sends the token to the endpoint alone, and shows it nowhere: not in a transcript with -Verbose and -Debug, an error, a warning or a variable' {
        $private = $hub.Add('org/private', $model)
        $private.IsPrivate = $true
        $hub.Fail([Lora.Tests.Hubs.LocalFault] @{ Request = '^cdn GET'; CutAfter = 100000 })
        $hub.Fail([Lora.Tests.Hubs.LocalFault] @{ Request = '^hub GET .*tokenizer'; Status = 503 })
        $transcript = Join-Path $TestDrive transcript.txt
        $failure = $null
        Start-Transcript $transcript
        try {
            $all = Install-LoraModel org/private -Token $secret -Verbose -Debug *>&1 -ErrorVariable failures -WarningVariable warnings
            $all | Out-Host
            $refusal = [Lora.Tests.Hubs.LocalFault] @{ Status = 403 }
            $refusal.Headers['X-Error-Message'] = "Bearer $($hub.Token) may not"
            $hub.Fail($refusal)
            Install-LoraModel org/private -Revision v9 -Token $secret -Verbose -Debug -ErrorAction Continue -ErrorVariable failure
            $failure | Format-List * -Force | Out-Host
            $failure.Exception.ToString() | Out-Host
            Get-Error -Newest 1 | Out-Host
        }
        catch {
            $_ | Out-Host
        }
        finally {
            Stop-Transcript
        }

        $all | Where-Object { $_ -is [Lora.LoraInstalledModel] } | Should -HaveCount 1
        $failure | Should -Not -BeNullOrEmpty
        $transcript | Should -FileContentMatch 'HubAccessDenied'
        $transcript | Should -Not -FileContentMatch ([regex]::Escape($hub.Token))
        "$all $failures $warnings $($failure | Out-String)" | Should -Not -Match ([regex]::Escape($hub.Token))
        $hub.Requests | Where-Object Server -EQ cdn | ForEach-Object { $_.Header('Authorization') | Should -BeNullOrEmpty }
        $hub.Requests | Where-Object Server -EQ hub | ForEach-Object Token | Select-Object -Unique | Should -Be $hub.Token
        Get-ChildItem $env:HF_HOME -Recurse -File -Force | Where-Object Length -LT 100kb | Select-String -SimpleMatch $hub.Token | Should -BeNullOrEmpty
    }

    It 'takes the token of HF_TOKEN and of the file that a login leaves' {
        $private = $hub.Add('org/hidden', $model)
        $private.IsPrivate = $true
        { Install-LoraModel org/hidden -ErrorAction Stop } | Should -Throw -ErrorId 'LoraHubModelNotFound,*'
        $env:HF_TOKEN = $hub.Token
        (Install-LoraModel org/hidden -WhatIf -ErrorAction Stop) | Should -BeNullOrEmpty
        $env:HF_TOKEN = $null
        Set-Content (Join-Path $env:HF_HOME token) $hub.Token
        (Install-LoraModel org/hidden).Path | Should -Exist
        Remove-Item (Join-Path $env:HF_HOME token)
    }

    It 'takes another revision, and files by -Include and -Exclude' {
        $tagged = $repository.Push($model, 'v1')
        $installed = Install-LoraModel org/model -Revision v1 -Include *.json -Exclude tokenizer*
        $installed.Commit | Should -Be $tagged
        $installed.File | Should -Contain config.json
        $installed.File | Should -Not -Contain tokenizer.json
        { Install-LoraModel org/model -Revision v9 -ErrorAction Stop } | Should -Throw -ErrorId 'LoraHubRevisionNotFound,*'
    }

    It 'finds with -Force what is damaged and has the right length, and downloads that anew' {
        $damaged = $hub.Add('org/damaged', $model)
        $installed = Install-LoraModel org/damaged
        $weights = Join-Path $installed.Path model.safetensors
        $bytes = [System.IO.File]::ReadAllBytes($weights)
        $bytes[-1] = $bytes[-1] -bxor 1
        [System.IO.File]::WriteAllBytes($weights, $bytes)
        (Install-LoraModel org/damaged).DownloadedSize | Should -Be 0
        $mended = Install-LoraModel org/damaged -Force -WarningAction SilentlyContinue -WarningVariable warnings
        $mended.DownloadedSize | Should -Be $damaged.Files['model.safetensors'].Length
        $warnings | Should -HaveCount 1
        $warnings[0].Message | Should -BeLike 'model.safetensors of org/damaged is damaged in the cache*SHA-256*'
        (Get-FileHash $weights).Hash | Should -Be (Get-FileHash (Join-Path $model model.safetensors)).Hash
        { Install-LoraModel org/damaged -Force -Offline } | Should -Throw -ErrorId 'LoraConfigConflict,Lora.Commands.InstallLoraModelCommand'
    }

    It 'says what an address of the hub, or the name of a folder in the cache, is called here' {
        $failures = $null
        Install-LoraModel "$($hub.Address)/org/model/tree/v1", models--org--model -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures.FullyQualifiedErrorId | Select-Object -Unique | Should -Be 'LoraHubNameInvalid,Lora.Commands.InstallLoraModelCommand'
        "$($failures[0])" | Should -BeLike '*it is called org/model here, with -Revision v1.'
        "$($failures[1])" | Should -BeLike '*it is called org/model here.'
    }

    It 'warns of a place that is no full path, and refuses one that is a file' {
        $before = $env:HF_HOME
        try {
            $env:HF_HOME = 'relative'
            Install-LoraModel org/model -WhatIf -WarningAction SilentlyContinue -WarningVariable warnings
            "$warnings" | Should -BeLike "HF_HOME, 'relative', is no full path: it means '$([System.Environment]::CurrentDirectory)*relative', wherever the shell is."
            $env:HF_HOME = New-Item (Join-Path $TestDrive file)
            { Install-LoraModel org/model -ErrorAction Stop } | Should -Throw -ErrorId 'LoraHubSettingInvalid,Lora.Commands.InstallLoraModelCommand'
            { Get-LoraModule org/model -ErrorAction Stop } | Should -Throw -ErrorId 'LoraHubSettingInvalid,Lora.Commands.GetLoraModuleCommand'
        }
        finally {
            $env:HF_HOME = $before
        }
    }

    It 'goes on after Ctrl+C with what came' {
        $stopped = $hub.Add('org/stopped', $model)
        $hub.Fail([Lora.Tests.Hubs.LocalFault] @{ Request = '^cdn GET'; StallAfter = 200000 })
        $manifest = Join-Path $PSScriptRoot '../Lora.psd1'
        $shell = [powershell]::Create().AddScript("Import-Module '$manifest'; Install-LoraModel org/stopped")
        $running = $shell.BeginInvoke()
        $part = Join-Path $cache "models--org--stopped/blobs/$($stopped.Files['model.safetensors'].Sha256).incomplete"
        while (-not $running.IsCompleted -and (Get-Item $part -ErrorAction Ignore).Length -lt 200000) { Start-Sleep -Milliseconds 50 }
        $shell.Stop()
        $shell.InvocationStateInfo.State | Should -Be Stopped
        $shell.Dispose()
        (Get-Item $part).Length | Should -Be 200000

        $hub.Reset()
        $installed = Install-LoraModel org/stopped
        ($hub.Requests | Where-Object Server -EQ cdn).Header('Range') | Should -BeLike 'bytes=200000-*'
        (Get-FileHash (Join-Path $installed.Path model.safetensors)).Hash | Should -Be (Get-FileHash (Join-Path $model model.safetensors)).Hash
        $part | Should -Not -Exist
    }

    It 'survives being killed while it writes, and two processes at once' {
        $killed = $hub.Add('org/killed', $model)
        $hub.Fail([Lora.Tests.Hubs.LocalFault] @{ Request = '^cdn GET'; StallAfter = 300000 })
        $manifest = Join-Path $PSScriptRoot '../Lora.psd1'
        $code = "Import-Module '$manifest'; (Install-LoraModel org/killed).Commit"
        # The tool's PowerShell is started by dotnet, an installed one by itself.
        $shell = [System.Environment]::ProcessPath
        [string[]] $arguments = @(if ([System.IO.Path]::GetFileNameWithoutExtension($shell) -eq 'dotnet') { Join-Path $PSHOME pwsh.dll }) + '-NoProfile', '-Command', $code
        $pwsh = { [System.Diagnostics.Process]::Start([System.Diagnostics.ProcessStartInfo]::new($shell, $arguments)) }
        $part = Join-Path $cache "models--org--killed/blobs/$($killed.Files['model.safetensors'].Sha256).incomplete"
        $first = & $pwsh
        while (-not $first.HasExited -and (Get-Item $part -ErrorAction Ignore).Length -lt 300000) { Start-Sleep -Milliseconds 50 }
        $first.Kill()
        $first.WaitForExit()
        (Get-Item $part).Length | Should -Be 300000
        Join-Path $cache models--org--killed/refs | Should -Not -Exist

        $hub.Reset()
        $both = (& $pwsh), (& $pwsh)
        $both | ForEach-Object { $_.WaitForExit(); $_.ExitCode | Should -Be 0 }
        ($hub.Requests | Where-Object Server -EQ cdn) | Should -HaveCount 1
        $path = (Install-LoraModel org/killed -Offline).Path
        (Get-FileHash (Join-Path $path model.safetensors)).Hash | Should -Be (Get-FileHash (Join-Path $model model.safetensors)).Hash
        $part | Should -Not -Exist
    }
}
