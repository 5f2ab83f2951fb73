#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

# Where the cmdlets run: strict scripts, processes, jobs, threads.
BeforeAll {
    $manifest = (Resolve-Path (Join-Path $PSScriptRoot '../Lora.psd1')).ProviderPath
    Import-Module $manifest
    $examples = (Resolve-Path (Join-Path $PSScriptRoot '../examples')).ProviderPath
    $model = Join-Path $examples model
    $data = @{ Dataset = Join-Path $examples data/animal-notes.train.jsonl; MaxStep = 2; BatchSize = 2 }
    $config = New-LoraConfig -Model $model -TargetModule q_proj -Rank 2
    $losses = (Invoke-LoraTraining $config @data).History.Loss
}

Describe 'A script of pwsh -File' {
    BeforeAll {
        # The tool's PowerShell is started by dotnet, an installed one by itself.
        $pwsh = [System.Environment]::ProcessPath
        [string[]] $first = if ([System.IO.Path]::GetFileNameWithoutExtension($pwsh) -eq 'dotnet') { Join-Path $PSHOME pwsh.dll }

        function Invoke-Script {
            param([string] $Text)

            $file = Join-Path $TestDrive script.ps1
            Set-Content $file "Set-StrictMode -Version Latest`nSet-Location '$examples'`nImport-Module '$manifest'`n$Text"
            $said = & $pwsh @first -NoProfile -NonInteractive -File $file 2>&1
            [pscustomobject]@{
                ExitCode = $LASTEXITCODE
                Output   = $said | Where-Object { $_ -is [string] } | Out-String
                Error    = $said | Where-Object { $_ -isnot [string] } | Out-String
            }
        }
    }

    It 'runs and shows every cmdlet under strict mode, and ends with 0' {
        $outcome = Invoke-Script @"
            `$ErrorActionPreference = 'Stop'
            `$out = '$TestDrive'
            `$modules = Get-LoraModule ./model -Include q_proj
            `$modules
            `$config = `$modules | New-LoraConfig -Rank 2
            `$config
            `$modules | Test-LoraTarget `$config
            Compare-LoraConfig `$config (`$modules | New-LoraConfig -Rank 4)
            `$result = `$config | Invoke-LoraTraining -Dataset ./data/animal-notes.train.jsonl -ValidationDataset ./data/animal-notes.validation.jsonl -MaxStep 1
            `$result, `$result.History, `$result.Adapter
            `$result | Measure-LoraAdapter -Dataset ./data/animal-notes.validation.jsonl
            `$result | Export-LoraAdapter `$out/adapter -PassThru
            Get-LoraAdapter `$out/adapter -Detailed
            Merge-LoraAdapter `$out/adapter, `$out/adapter
            `$result | Export-LoraModel `$out/merged -PassThru
"@
        $outcome.Error | Should -BeNullOrEmpty
        $outcome.ExitCode | Should -Be 0
        $outcome.Output | Should -Match 'model\.layers\.3\.self_attn\.q_proj'
        $outcome.Output | Should -Not -Match 'Step \d+ of'
    }

    It 'ends with 1 where a training fails under Stop' {
        $outcome = Invoke-Script @'
            $ErrorActionPreference = 'Stop'
            New-LoraConfig -Model ./model -TargetModule q_proj | Invoke-LoraTraining -Dataset ./missing.jsonl
            'never said'
'@
        $outcome.ExitCode | Should -Be 1
        $outcome.Error | Should -Match 'missing\.jsonl'
        $outcome.Output | Should -Not -Match 'never said'
    }

    It 'goes on after a failure under Continue, and can tell' {
        $outcome = Invoke-Script @'
            Get-LoraModule ./missing
            "went on: $?, $($Error[0].FullyQualifiedErrorId)"
            exit 3
'@
        $outcome.ExitCode | Should -Be 3
        $outcome.Output | Should -Match 'went on: False, LoraPathNotFound,Lora\.Commands\.GetLoraModuleCommand'
    }
}

Describe 'A job' {
    It 'of Start-Job takes a configuration, keeps its adapter with -OutputPath, and gives a result that can be read' {
        $folder = Join-Path $TestDrive from-job
        $result = Start-Job {
            Import-Module $using:manifest
            $more = $using:data
            $using:config | Invoke-LoraTraining @more -OutputPath $using:folder
        } | Receive-Job -Wait -AutoRemoveJob
        $result.StopReason | Should -Be 'Completed'
        $result.History | Should -HaveCount 2
        (Get-LoraAdapter $folder).Rank | Should -Be 2
    }

    It 'of Start-Job gives modules that New-LoraConfig takes' {
        $modules = Start-Job {
            Import-Module $using:manifest
            Get-LoraModule $using:model -Include q_proj
        } | Receive-Job -Wait -AutoRemoveJob
        ($modules | New-LoraConfig).Module | Should -HaveCount 4
    }

    It 'of Start-ThreadJob gives a result as it is, adapter and all' {
        $result = Start-ThreadJob {
            Import-Module $using:manifest
            $more = $using:data
            $using:config | Invoke-LoraTraining @more
        } | Receive-Job -Wait -AutoRemoveJob
        $result | Should -BeOfType [Lora.LoraTrainingResult]
        $result | Export-LoraAdapter 'TestDrive:/from-thread'
        'TestDrive:/from-thread/adapter_model.safetensors' | Should -Exist
    }

    It 'that is stopped leaves the adapter of its last whole step' {
        $folder = Join-Path $TestDrive stopped
        $job = Start-ThreadJob {
            Import-Module $using:manifest
            $using:config | Invoke-LoraTraining -Dataset ($using:data).Dataset -MaxStep 100000 -OutputPath $using:folder -PassThruStep
        }
        while (-not ($job | Receive-Job -Keep) -and $job.State -in 'NotStarted', 'Running') {
            Start-Sleep -Milliseconds 50
        }
        $job | Stop-Job
        $job.State | Should -Be 'Stopped'
        $job | Remove-Job
        (Get-LoraAdapter $folder).Rank | Should -Be 2
    }
}

Describe 'ForEach-Object -Parallel' {
    It 'gives the losses of one run after another, to the last digit' {
        $results = 1..2 | ForEach-Object -Parallel {
            Import-Module $using:manifest
            $more = $using:data
            $using:config | Invoke-LoraTraining @more
        }
        foreach ($result in $results) {
            $result.History.Loss | Should -Be $losses
        }
    }
}

Describe 'The common parameters' {
    It '-ErrorVariable, -OutVariable and -PipelineVariable work' {
        $null = Get-LoraModule $model, ./missing -Include q_proj -ErrorAction SilentlyContinue -ErrorVariable failure -OutVariable module
        $failure | Should -HaveCount 1
        $module | Should -HaveCount 4
        Get-LoraModule $model -Include q_proj -PipelineVariable each | ForEach-Object { $each.Layer } | Should -Be 0, 1, 2, 3
    }

    It '-Verbose says what happens' {
        $said = Invoke-LoraTraining $config @data -Verbose 4>&1 | Where-Object { $_ -is [System.Management.Automation.VerboseRecord] }
        $said | Should -Not -BeNullOrEmpty
    }

    It 'Select-Object -First stops what comes before it' {
        Get-LoraModule $model | Select-Object -First 1 | Should -HaveCount 1
        (Invoke-LoraTraining $config -Dataset $data.Dataset -MaxStep 100000 -PassThruStep | Select-Object -First 2).Step | Should -Be 1, 2
    }
}

Describe 'A process that is told to end while it trains' -Skip:$IsWindows {
    It 'keeps the adapter at <Signal>, says so, and ends as the signal has it' -ForEach @(
        @{ Signal = 'TERM'; ExitCode = 143 }
        @{ Signal = 'HUP'; ExitCode = 129 }
        @{ Signal = 'INT'; ExitCode = 0, 1 } # pwsh -File ends with either at Ctrl+C, by the moment at which it comes
    ) {
        $folder = Join-Path $TestDrive $Signal
        $script = Join-Path $TestDrive "$Signal.ps1"
        $log = Join-Path $TestDrive "$Signal.log"
        Set-Content $script @"
            Import-Module '$manifest'
            New-LoraConfig -Model '$model' -TargetModule q_proj -Rank 2 |
                Invoke-LoraTraining -Dataset '$($data.Dataset)' -MaxStep 100000 -PassThruStep -OutputPath '$folder' |
                ForEach-Object { if (`$_.Step -eq 2) { Set-Content '$TestDrive/$Signal.begun' begun } }
            Set-Content '$TestDrive/$Signal.after' 'the script went on'
"@
        [string[]] $pwsh = if ([System.IO.Path]::GetFileNameWithoutExtension([System.Environment]::ProcessPath) -eq 'dotnet') { 'dotnet', (Join-Path $PSHOME pwsh.dll) }
        else { [System.Environment]::ProcessPath }

        # The shell starts it, signals it once it trains, and tells how it ended. With job control it does not ignore SIGINT.
        $shell = "set -m; $pwsh -NoProfile -NonInteractive -File '$script' > '$log' 2>&1 & " +
            "for i in `$(seq 600); do [ -e '$TestDrive/$Signal.begun' ] && break; sleep 0.1; done; kill -$Signal `$!; wait `$!; echo `$?"
        bash -c $shell 2>$null | Select-Object -Last 1 | Should -BeIn $ExitCode
        (Get-LoraAdapter $folder).Rank | Should -Be 2
        Get-Content $log -Raw | Should -Match 'stopped after step \d+ of 100000. The adapter of that step is in'
        "$TestDrive/$Signal.after" | Should -Not -Exist
    }

    It 'ends at once at a second signal, in the middle of a batch' {
        # Batches of some seconds: the first signal waits for the end of one, to write the adapter; the second does not.
        $rows = Join-Path $TestDrive long.jsonl
        Set-Content $rows (1..24 | ForEach-Object { @{ text = 'the fox is red. ' * 200 } | ConvertTo-Json -Compress })
        $script = Join-Path $TestDrive twice.ps1
        Set-Content $script @"
            Import-Module '$manifest'
            New-LoraConfig -Model '$model' -TargetPattern all-linear -Rank 2 |
                Invoke-LoraTraining -Dataset '$rows' -MaxStep 100 -BatchSize 24 -MaxLength 512 -PassThruStep -OutputPath '$TestDrive/twice' |
                ForEach-Object { Set-Content '$TestDrive/twice.begun' begun }
"@
        [string[]] $pwsh = if ([System.IO.Path]::GetFileNameWithoutExtension([System.Environment]::ProcessPath) -eq 'dotnet') { 'dotnet', (Join-Path $PSHOME pwsh.dll) }
        else { [System.Environment]::ProcessPath }
        $shell = "$pwsh -NoProfile -NonInteractive -File '$script' > /dev/null 2>&1 & " +
            "for i in `$(seq 1200); do [ -e '$TestDrive/twice.begun' ] && break; sleep 0.05; done; " +
            'kill -TERM $!; sleep 0.2; kill -TERM $!; wait $!; echo $?'
        bash -c $shell 2>$null | Select-Object -Last 1 | Should -Be 143
        "$TestDrive/twice.begun" | Should -Exist
        # What was done is in the metrics, which are written as the run goes on; an adapter is not there, nor half of one.
        (Get-ChildItem "$TestDrive/twice" -Force).Name | Should -Be 'metrics.jsonl'
    }
}
