#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

# The package as its users get it: published to a folder, installed and saved from there, and used in sessions of their own. Homes are folders of
# the test, so that nothing of this machine's user changes; on Windows a home is no variable.
BeforeDiscovery {
    $isRoot = -not $IsWindows -and (id -u) -eq 0 -and (Get-Command setpriv -CommandType Application -ErrorAction Ignore)
}

BeforeAll {
    $root = (Resolve-Path (Join-Path $PSScriptRoot ..)).ProviderPath
    $build = Join-Path $root build.ps1
    $version = (Import-PowerShellDataFile (Join-Path $root Lora.psd1)).ModuleVersion
    [string[]] $pwsh = if ([System.IO.Path]::GetFileNameWithoutExtension([System.Environment]::ProcessPath) -eq 'dotnet') { [System.Environment]::ProcessPath, (Join-Path $PSHOME pwsh.dll) }
    else { [System.Environment]::ProcessPath }

    # A new session of somebody whose home is that folder: what it says, an object a line, and what it has for errors.
    function Invoke-Session {
        param([string] $HomePath, [string] $Text, [string] $File, [string[]] $Typed, [hashtable] $Environment = @{}, [string[]] $As = @())

        $null = New-Item -ItemType Directory $HomePath -Force
        $command = $As + $pwsh + $(if ($File) { '-NoProfile', '-File', $File } else { '-NoProfile', '-NonInteractive', '-Command', "`$ProgressPreference = 'SilentlyContinue'`n$Text" })
        $start = [System.Diagnostics.ProcessStartInfo]::new($command[0], [string[]] ($command | Select-Object -Skip 1))
        $start.RedirectStandardInput = $start.RedirectStandardOutput = $start.RedirectStandardError = $true
        $start.WorkingDirectory = $HomePath
        foreach ($name in 'PSModulePath', 'LORA_LIBTORCH', 'LORA_API_KEY', 'XDG_DATA_HOME', 'XDG_CONFIG_HOME', 'XDG_CACHE_HOME') {
            $null = $start.Environment.Remove($name)
        }
        foreach ($pair in @{ HOME = $HomePath; POWERSHELL_TELEMETRY_OPTOUT = '1'; OMP_NUM_THREADS = '1' }, $Environment) {
            $pair.GetEnumerator() | ForEach-Object { $start.Environment[$_.Key] = $_.Value }
        }

        $process = [System.Diagnostics.Process]::Start($start)
        $Typed | ForEach-Object { $process.StandardInput.WriteLine($_) }
        $process.StandardInput.Close()
        $failure = $process.StandardError.ReadToEndAsync()
        $said = $process.StandardOutput.ReadToEnd()
        $process.WaitForExit()
        [pscustomobject]@{ ExitCode = $process.ExitCode; Said = $said -split '\r?\n' | Where-Object { $_ }; Error = $failure.Result }
    }

    # Every file below a folder, and when it was written.
    function Get-State {
        param([string] $Folder)

        Get-ChildItem -LiteralPath $Folder -Recurse -Force | ForEach-Object { "$($_.FullName) $($_.LastWriteTimeUtc.Ticks)" }
    }
}

Describe 'The package of a folder repository' -Skip:$IsWindows {
    BeforeAll {
        $feed = New-Item -ItemType Directory (Join-Path $TestDrive feed)
        $first = Join-Path $TestDrive first
        $saved = Join-Path $TestDrive saved
        $publishing = Invoke-Session $first @"
            `$ErrorActionPreference = 'Stop'
            Register-PSResourceRepository Local '$feed' -Trusted
            & '$build' -Task Publish -Repository Local -SignCommand {
                param(`$Path)
                foreach (`$file in `$Path | Where-Object { `$_ -like '*.ps*1' }) { Add-Content `$file '# signed' }
                Set-Content '$TestDrive/signed.txt' `$Path
            } | ForEach-Object Length
            `$null = New-Item -ItemType Directory '$saved'
            Save-PSResource Lora -Repository Local -Path '$saved'
            Install-PSResource Lora -Repository Local
"@
        $installed = Join-Path $first '.local/share/powershell/Modules/Lora' $version
        $entries = [System.IO.Compression.ZipFile]::OpenRead((Get-Item (Join-Path $feed *.nupkg)).FullName)
        $names = $entries.Entries.FullName
        $entries.Dispose()

        # What every user begins with; the installed module's folder is $module.
        $begin = @'
            "before: $(Get-Module Lora)"
            $all = Get-LoraModule (Join-Path ((Get-Module Lora -ListAvailable).ModuleBase) examples/model)
            $module = (Get-Module Lora).ModuleBase
            "from: $module"
            "listed: $($all.Count)"
            $config = $all | Where-Object Name -like '*_proj' | New-LoraConfig -Rank 2
            "chosen: $($config.Module.Count)"
            "shown: $(@(Test-LoraTarget $config -Model $module/examples/model | Where-Object Targeted).Count)"
            "rows: $(@(Test-LoraDataset $module/examples/data/animal-notes.train.jsonl -Model $module/examples/model).Count)"
            "help: $((Get-Help Get-LoraModule).Synopsis.Length -gt 0)"
'@
        $begun = @('listed: 30', 'chosen: 28', 'shown: 28', 'rows: 36', 'help: True')
    }

    It 'is published' {
        $publishing.Error | Should -BeNullOrEmpty
        $publishing.ExitCode | Should -Be 0
        (Get-Item (Join-Path $feed *.nupkg)).Name | Should -Be "Lora.$version.nupkg"
    }

    It 'is a few MB of managed code for all platforms, with the examples and their model' {
        [long] ($publishing.Said | Select-Object -Last 1) | Should -BeLessThan 20MB
        $names | Where-Object { $_ -match '\.(so|dylib)|torch_cpu|LibTorchSharp\.' } | Should -BeNullOrEmpty
        foreach ($name in 'bin/Lora.dll', 'bin/deps/TorchSharp.dll', 'en-US/Lora.dll-Help.xml', 'examples/01-first-adapter.ps1', 'examples/model/model.safetensors') {
            $names | Should -Contain $name
        }
    }

    It 'was signed before it was packed: scripts and assemblies' {
        Get-Content (Join-Path $installed Lora.psm1) | Select-Object -Last 1 | Should -Be '# signed'
        $signed = (Get-Content (Join-Path $TestDrive signed.txt)) -replace '^.*/slim/Lora/'
        'Lora.psd1', 'Lora.psm1', 'Lora.Format.ps1xml', 'bin/Lora.dll', 'bin/Lora.Engine.dll', 'bin/deps/TorchSharp.dll', 'examples/01-first-adapter.ps1' |
            ForEach-Object { $signed | Should -Contain $_ }
    }

    It 'installs, and typing a command loads the module: it lists, selects and previews without libtorch' {
        $before = Get-State $installed
        $session = Invoke-Session $first @"
            $begin
            try { Invoke-LoraTraining `$config -Dataset `$module/examples/data/animal-notes.train.jsonl -MaxStep 1 } catch { `$_.FullyQualifiedErrorId; `$_.ErrorDetails.RecommendedAction }
"@
        $session.Error | Should -BeNullOrEmpty
        $session.Said | Select-Object -First 2 | Should -Be 'before: ', "from: $installed"
        $session.Said | Select-Object -Skip 2 -First 5 | Should -Be $begun
        $session.Said[7] | Should -BeLike 'LoraRuntimeNotInstalled,*'
        $session.Said[8] | Should -BeLike '*Install-LoraRuntime*'
        Get-State $installed | Should -Be $before
    }

    It 'is used from a folder that was copied to another machine and that nobody may write to, by another user' -Skip:(-not $isRoot) {
        $modules = Join-Path $TestDrive modules
        $null = New-Item -ItemType Directory $modules
        Copy-Item (Join-Path $saved Lora) $modules -Recurse
        chmod -R a-w $modules
        $other = Join-Path $TestDrive other
        $null = New-Item -ItemType Directory $other
        chown 65534:65534 $other
        $before = Get-State $modules

        # Somebody who may read everything, for PowerShell may lie in root's own folder, and write nothing but into this home.
        $nobody = 'setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all,+dac_read_search', '--ambient-caps=-all,+dac_read_search'
        $session = Invoke-Session $other -As $nobody -Environment @{ PSModulePath = $modules; LORA_LIBTORCH = Join-Path $root bin/deps } @"
            $begin
            "user: `$(id -u)"
            try { Set-Content `$module/file x -ErrorAction Stop } catch { 'refused' }
            `$result = Invoke-LoraTraining `$config -Dataset `$module/examples/data/animal-notes.train.jsonl -MaxStep 1 -OutputPath ~/adapter
            "trained: `$(`$result.History.Count)"
            & `$module/examples/02-choose-and-edit.ps1 -OutputPath ~/cut | ForEach-Object { "cut: `$(`$_.Cut.Count)" }
"@
        $session.Error | Should -BeNullOrEmpty
        $session.Said | Select-Object -First 2 | Should -Be 'before: ', "from: $modules/Lora/$version"
        $session.Said | Select-Object -Skip 2 | Should -Be ($begun + 'user: 65534', 'refused', 'trained: 1', 'cut: 5')
        Join-Path $other adapter/adapter_model.safetensors | Should -Exist
        Get-State $modules | Should -Be $before
    }

    Context 'docs/getting-started.md' {
        BeforeAll {
            . (Join-Path $PSScriptRoot LocalHub.ps1)
            $page = (Get-Content (Join-Path $root docs/getting-started.md) -Raw) -replace '\r'
            $block = @{}
            [regex]::Matches($page, '(?ms)^## ([^\n]*)\n(?:(?!^## ).)*?^```powershell\n(.*?)^```') | ForEach-Object { $block[$_.Groups[1].Value] = $_.Groups[2].Value }

            # The model that the page names, on a hub of this machine: the examples', with a chat template as it has one.
            $instruct = Join-Path $TestDrive instruct
            Copy-Item (Join-Path $root examples/model) $instruct -Recurse
            Copy-Item (Join-Path $root src/Lora.Engine/Text/Chat/Templates/alpaca.jinja) (Join-Path $instruct chat_template.jinja)
            $hub = Start-LocalHub (Join-Path $TestDrive hf)
            $null = $hub.Add('HuggingFaceTB/SmolLM2-135M-Instruct', $instruct)
            $packages = $env:NUGET_PACKAGES ?? (Join-Path $HOME .nuget/packages)
        }

        AfterAll {
            Stop-LocalHub $hub
        }

        It 'differs between machines in one line' {
            $block['Windows without one'] | Should -Be $block['Linux']
            $block['Windows with an NVIDIA GPU'] | Should -Be ($block['Linux'] -replace 'Cpu', 'Cuda')
        }

        It 'leads from nothing to a chat with an adapted model, on a machine whose addresses are folders and a hub of its own' {
            $newcomer = Join-Path $TestDrive newcomer
            $page = Join-Path $TestDrive page.ps1
            Set-Content $page @"
`$ErrorActionPreference = 'Stop'
`$ProgressPreference = 'SilentlyContinue'
Unregister-PSResourceRepository PSGallery
Register-PSResourceRepository Local '$feed' -Trusted
`$PSDefaultParameterValues = @{ 'Install-LoraRuntime:Source' = '$packages' }
$($block['Linux'])
Install-LoraRuntime -Backend Cuda -WhatIf
$($block['A model'])
$($block['Something to learn'])
$($block['The training'])
$($block['The chat'])
"@
            $session = Invoke-Session $newcomer -File $page -Typed 'Where does the fox sleep?', '/exit' -Environment @{ HF_ENDPOINT = $hub.Address; HF_HOME = Join-Path $newcomer hf }
            $session.Error | Should -BeNullOrEmpty
            $session.ExitCode | Should -Be 0
            $said = $session.Said -join "`n"
            $said | Should -Match 'layers\.0\.self_attn\.q_proj'
            $said | Should -Match '(?s)>>> Where does the fox sleep\?\s+The .*\.\s+>>> /exit'
            Join-Path $newcomer animals/adapter_model.safetensors | Should -Exist
            Get-ChildItem $newcomer -Name | Sort-Object | Should -Be animals, hf
        }
    }
}

Describe 'Publishing' {
    It 'needs a repository, and -WhatIf does nothing' {
        { & $build -Task Publish } | Should -Throw 'Publish needs -Repository*'
        $slim = Join-Path $root artifacts/package/slim
        $before = if (Test-Path $slim) { Get-State $slim }
        & $build -Task Publish -Repository Nowhere -WhatIf | Should -BeNullOrEmpty
        $(if (Test-Path $slim) { Get-State $slim }) | Should -Be $before
    }
}

Describe 'What packs and signs' {
    BeforeAll {
        . (Join-Path $root tools/Packaging.ps1)
        $certificate = [System.Security.Cryptography.X509Certificates.CertificateRequest]::new(
            'CN=Lora', [System.Security.Cryptography.ECDsa]::Create(), [System.Security.Cryptography.HashAlgorithmName]::SHA256
        ).CreateSelfSigned([datetime]::Now, [datetime]::Now.AddDays(1))
        $folder = New-Item -ItemType Directory (Join-Path $TestDrive unsigned)
        'a.psm1', 'b.dll', 'c.txt', 'theirs.dll' | ForEach-Object { Set-Content (Join-Path $folder $_) x }

        # Stand-ins of Windows' commands.
        function Get-AuthenticodeSignature {
            param($LiteralPath)
            @{ Status = if ($LiteralPath -like '*theirs*') { 'Valid' } else { 'NotSigned' } }
        }
    }

    It 'signs with a certificate what nobody has signed' {
        function Set-AuthenticodeSignature {
            param($LiteralPath, $Certificate, $HashAlgorithm)
            Add-Content "$TestDrive/by-certificate.txt" "$(Split-Path $LiteralPath -Leaf) $($Certificate.Subject) $HashAlgorithm"
            [pscustomobject]@{ Status = 'Valid'; Path = $LiteralPath; StatusMessage = '' }
        }
        Protect-Package $folder -Certificate $certificate
        Get-Content "$TestDrive/by-certificate.txt" | Sort-Object | Should -Be 'a.psm1 CN=Lora SHA256', 'b.dll CN=Lora SHA256'
    }

    It 'names what could not be signed' {
        function Set-AuthenticodeSignature {
            param($LiteralPath)
            [pscustomobject]@{ Status = 'UnknownError'; Path = $LiteralPath; StatusMessage = 'the card was taken out' }
        }
        { Protect-Package $folder -Certificate $certificate } | Should -Throw "Not signed: *a.psm1' (the card was taken out), *"
    }

    It 'says that a certificate is for Windows' -Skip:$IsWindows {
        { Protect-Package $folder -Certificate $certificate } | Should -Throw '*-SignCommand*'
    }

    It 'refuses what is too large, what is missing and what is too much' {
        $large = Join-Path $TestDrive large.nupkg
        $stream = [System.IO.File]::Create($large)
        $stream.SetLength(251MB)
        $stream.Dispose()
        { Confirm-PackageSize $large } | Should -Throw '*251 MB*250 MB*'
        { Confirm-Package $folder -Dependency '\.dll' } | Should -Throw "*lacks '*Lora.psd1*'*should not have '*theirs.dll*'*"
    }
}
