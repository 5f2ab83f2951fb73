#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

# The real packages, out of NuGet's folder of packages, for a copy of the module that came without them. On Windows the user's folder cannot be another for a test.
BeforeDiscovery {
    $packages = $env:NUGET_PACKAGES ?? (Join-Path $HOME .nuget/packages)
    $isSkipped = $IsWindows -or -not (Test-Path (Join-Path $packages torchsharp)) -or -not (Test-Path (Join-Path $packages "libtorch-cpu-$($IsMacOS ? 'osx-arm64' : 'linux-x64')"))
}

BeforeAll {
    $root = Split-Path $PSScriptRoot
    $examples = Join-Path $root examples
    $packages = $env:NUGET_PACKAGES ?? (Join-Path $HOME .nuget/packages)
    Import-Module (Join-Path $root Lora.psd1)
}

Describe 'Install-LoraRuntime' {
    It 'does nothing under -WhatIf, and asks nobody' {
        Install-LoraRuntime -Backend Cuda -Source http://127.0.0.1:9/index.json -WhatIf | Should -BeNullOrEmpty
    }

    It 'takes several backends, each for itself' -Skip:$IsMacOS {
        $transcript = Join-Path $TestDrive backends.txt
        $null = Start-Transcript $transcript
        try { Install-LoraRuntime -Backend Cpu, Cuda -WhatIf } finally { $null = Stop-Transcript }
        (Select-String 'libtorch \((Cpu|Cuda)\)' $transcript).Matches.Value | Should -Be 'libtorch (Cpu)', 'libtorch (Cuda)'
    }

    Context 'for a user who has none' -Skip:$IsWindows {
        BeforeAll {
            $before = $env:XDG_DATA_HOME
            $env:XDG_DATA_HOME = Join-Path $TestDrive nobody
        }

        AfterAll {
            $env:XDG_DATA_HOME = $before
        }

        It 'says which source cannot be read' {
            { Install-LoraRuntime -Source ./nowhere } | Should -Throw -ErrorId 'LoraPackageSourceUnreachable,Lora.Commands.InstallLoraRuntimeCommand'
        }

        It 'asks a feed over HTTP, and says what it lacks' {
            # A port that was found free may be another's a moment later.
            do {
                $free = [System.Net.Sockets.TcpListener]::new([System.Net.IPAddress]::Loopback, 0)
                $free.Start()
                $address = "http://127.0.0.1:$($free.LocalEndpoint.Port)/"
                $free.Stop()
                $listener = [System.Net.HttpListener]::new()
                $listener.Prefixes.Add($address)
                try { $listener.Start() } catch { $listener.Close() }
            } until ($listener.IsListening)
            $server = Start-ThreadJob -ArgumentList $listener, "{`"resources`":[{`"@id`":`"${address}packages`",`"@type`":`"PackageBaseAddress/3.0.0`"}]}" {
                param($listener, $index)

                while ($true) {
                    # GetContext would wait for good, and its job with it, where the listener is closed in the moment in which it is called.
                    $asked = $listener.GetContextAsync()
                    while (-not $asked.Wait(50)) { }
                    $context = $asked.Result
                    if ($context.Request.Url.AbsolutePath -eq '/index.json') {
                        $context.Response.Close([System.Text.Encoding]::UTF8.GetBytes($index), $true)
                    }
                    else {
                        $context.Response.StatusCode = 404
                        $context.Response.Close()
                    }
                }
            }
            try {
                { Install-LoraRuntime -Source "${address}index.json" } | Should -Throw -ErrorId 'LoraRuntimePackageNotFound,Lora.Commands.InstallLoraRuntimeCommand'
            }
            finally {
                $server | Remove-Job -Force
                $listener.Close()
            }
        }
    }
}

Describe 'A module that came without libtorch' -Skip:$isSkipped {
    BeforeAll {
        # As the slim package has it: all that is managed.
        $slim = Join-Path $TestDrive Lora
        $null = New-Item -ItemType Directory (Join-Path $slim bin/deps)
        Copy-Item (Join-Path $root 'Lora*.ps*') $slim
        Copy-Item (Join-Path $root bin/*.dll) (Join-Path $slim bin)
        Copy-Item (Join-Path $root bin/deps/*.dll) (Join-Path $slim bin/deps)
        New-LoraConfig -Model (Join-Path $examples model) -TargetModule q_proj -Rank 2 |
            Invoke-LoraTraining -Dataset (Join-Path $examples data/animal-notes.train.jsonl) -MaxStep 1 |
            Export-LoraAdapter (Join-Path $TestDrive adapter)

        $data = Join-Path $TestDrive data
        $runtimes = Join-Path $data Lora/runtime
        $pwsh = [System.Environment]::ProcessPath
        [string[]] $first = if ([System.IO.Path]::GetFileNameWithoutExtension($pwsh) -eq 'dotnet') { Join-Path $PSHOME pwsh.dll }
        $install = "Install-LoraRuntime -Source '$packages' -PassThru"

        # With a limit it is ended by the system where a file would be longer, in the middle of writing it.
        function Start-Shell {
            param([string] $Name, [string] $Text, [long] $FileLimit)

            $file = Join-Path $TestDrive "$Name.ps1"
            Set-Content $file "`$ErrorActionPreference = 'Stop'`nSet-Location '$examples'`nImport-Module '$slim/Lora.psd1'`n`$adapter = '$TestDrive/adapter'`n`$output = '$TestDrive/output'`n$Text"
            $command = @($pwsh) + @($first) + '-NoProfile', '-NonInteractive', '-File', $file | Where-Object { $_ }
            if ($FileLimit) {
                $limited = Join-Path $TestDrive "$Name.sh"
                Set-Content $limited "export DOTNET_EnableWriteXorExecute=0; ulimit -c 0; ulimit -f $($FileLimit / 1KB); exec '$($command -join "' '")'"
                $command = 'bash', $limited
            }

            $start = @{
                FilePath               = $command[0]
                ArgumentList           = $command | Select-Object -Skip 1
                Environment            = @{ XDG_DATA_HOME = $data; HOME = Join-Path $TestDrive home; LORA_LIBTORCH = $null; POWERSHELL_TELEMETRY_OPTOUT = '1' }
                RedirectStandardOutput = Join-Path $TestDrive "$Name.out"
                RedirectStandardError  = Join-Path $TestDrive "$Name.err"
                PassThru               = $true
            }
            $process = Start-Process @start | Add-Member Shell $Name -PassThru
            $null = $process.Handle # keeps the exit code
            $process
        }

        # None takes a minute on a quiet machine.
        function Wait-Shell {
            param([Parameter(ValueFromPipeline)] $Process)

            process {
                if (-not $Process.WaitForExit(600000)) {
                    $Process.Kill()
                    throw "The shell '$($Process.Shell)' did not end in ten minutes. It said: $(Get-Content (Join-Path $TestDrive "$($Process.Shell).*") -ErrorAction Ignore | Out-String)"
                }

                $Process.WaitForExit() # for its last lines too
            }
        }
    }

    It 'lists, selects, previews and describes, and names the command where tensors are needed, before any work' {
        $shell = Start-Shell without @'
            $modules = Get-LoraModule ./model -Include q_proj
            $config = $modules | New-LoraConfig -Rank 2
            $rows = @{ Dataset = './data/animal-notes.train.jsonl' }
            $null = $modules | Test-LoraTarget $config
            $null = Compare-LoraConfig $config ($modules | New-LoraConfig -Rank 4)
            $null = Test-LoraDataset @rows -Model ./model | Select-Object -First 1
            $null = Get-LoraAdapter $adapter
            $null = Test-LoraAdapter $adapter -Model ./model
            $null = Export-LoraAdapter "$output/copy" -Adapter $adapter
            $null = Invoke-LoraTraining $config @rows -WhatIf
            'previewed'
            $ErrorActionPreference = 'Continue'
            foreach ($command in {
                    Invoke-LoraTraining $config @rows -MaxStep 1 -OutputPath "$output/training"
                }, {
                    Invoke-LoraSweep -Config $config -Grid @{ Rank = 2, 4 } @rows -MaxStep 1 -OutputPath "$output/sweep"
                }, {
                    Measure-LoraAdapter $adapter @rows
                }, {
                    Measure-LoraModule -InputObject $modules -Score Norm
                }, {
                    Invoke-LoraGeneration 'The fox' -Model ./model
                }, {
                    Merge-LoraAdapter $adapter, $adapter
                }, {
                    Compare-LoraAdapter $adapter $adapter
                }, {
                    Edit-LoraAdapter $adapter -Rank 1
                }, {
                    Export-LoraModel "$output/model" -Adapter $adapter
                }, {
                    Export-LoraModel "$output/model.gguf" -Model ./model -Format Gguf
                }) {
                $Error.Clear()
                try { $null = & $command 2>$null } catch { $null = $_ }
                "$(($Error | ForEach-Object FullyQualifiedErrorId | Select-Object -Unique) -join ' ')"
            }
            $Error[0].ErrorDetails.RecommendedAction
            Get-ChildItem $output -Name
'@
        $shell | Wait-Shell
        Get-Content (Join-Path $TestDrive without.err) | Should -BeNullOrEmpty
        $said = Get-Content (Join-Path $TestDrive without.out)
        $said[1] | Should -Be previewed
        $said[2..11] | ForEach-Object { $_ | Should -Match '^LoraRuntimeNotInstalled,Lora\.Commands\.[A-Za-z]+Command$' }
        $said[12] | Should -Match 'Run Install-LoraRuntime once'
        $said[13..99] | Should -Be copy
    }

    It 'is given it by one command, of several sessions by one, whatever was killed before, and trains in the session that installed it' {
        # Killed with the library half written.
        $killed = Start-Shell killed $install -FileLimit 16MB
        $killed | Wait-Shell
        $killed.ExitCode | Should -BeGreaterThan 128
        (Get-ChildItem $runtimes -Recurse -File -Force | Where-Object Length -EQ 16MB).Directory.Name | Should -Match '^\..*\.tmp$'
        Get-ChildItem $runtimes -Directory -Name | Should -BeNullOrEmpty

        $shells = (Start-Shell one "($install).Path"), (Start-Shell two @"
            ($install).Path
            (New-LoraConfig -Model ./model -TargetModule q_proj -Rank 2 | Invoke-LoraTraining -Dataset ./data/animal-notes.train.jsonl -MaxStep 1).History.Count
            ([System.Diagnostics.Process]::GetCurrentProcess().Modules | Where-Object ModuleName -like '*torch_cpu*').FileName
"@)
        $shells | Wait-Shell
        $installed = Get-ChildItem $runtimes -Directory -Force
        $installed.Name | Should -Match '^[\d.]+-cpu-'
        Get-Content (Join-Path $TestDrive one.err), (Join-Path $TestDrive two.err) | Should -BeNullOrEmpty
        Get-Content (Join-Path $TestDrive one.out) | Should -Be $installed.FullName
        $said = Get-Content (Join-Path $TestDrive two.out)
        $said[0..1] | Should -Be $installed.FullName, 1
        Split-Path $said[2] | Should -Be $installed.FullName
    }

    It 'has been given what the build lays out, and nothing was written elsewhere' {
        $installed = Get-ChildItem $runtimes -Directory
        $files = Get-ChildItem $installed.FullName -Name
        $files | Should -Be (Get-ChildItem (Join-Path $root bin/deps) -Name | Where-Object { $_ -notlike '*.dll' })
        foreach ($file in $files) {
            (Get-Item (Join-Path $installed.FullName $file)).Length | Should -Be (Get-Item (Join-Path $root bin/deps $file)).Length
        }

        # Mended where the build's is.
        $bridge = $files -match 'LibTorchSharp'
        (Get-FileHash (Join-Path $installed.FullName $bridge)).Hash | Should -Be (Get-FileHash (Join-Path $root bin/deps $bridge)).Hash

        # What was held while it was written stays, so that whoever waits for it holds the same.
        Get-ChildItem $data -Recurse -File -Force | Where-Object { $_.DirectoryName -ne $installed.FullName } | ForEach-Object FullName | Should -Be (Join-Path $runtimes .lock)
        Get-ChildItem (Join-Path $TestDrive home) -Recurse -File -Force -ErrorAction Ignore | ForEach-Object FullName |
            Where-Object { $_ -notmatch '[\\/]powershell[\\/]|[\\/]\.dotnet[\\/]' } | Should -BeNullOrEmpty
    }
}
