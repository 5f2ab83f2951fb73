#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = (Resolve-Path (Join-Path $PSScriptRoot '../examples/model')).ProviderPath
    $chats = Join-Path $PSScriptRoot '../examples/data/animal-chats.train.jsonl'
    . (Join-Path $PSScriptRoot Chatty.ps1)
    $training = Get-ChattyTraining $TestDrive
    New-LoraConfig -Model $model -TargetPattern all-linear |
        Invoke-LoraTraining @training -OutputPath 'TestDrive:/chatty' |
        Out-Null
}

Describe 'Invoke-LoraGeneration' {
    It 'goes on texts of the pipeline' {
        $answers = 'The fox', 'The owl' | Invoke-LoraGeneration -Model $model -MaxToken 8
        $answers.Prompt | Should -Be 'The fox', 'The owl'
        $answers.Id | Should -HaveCount 16
        $answers.StopReason | Should -Be 'MaxToken', 'MaxToken'
        $answers.TokenPerSecond | Should -Not -Contain 0
    }

    It 'answers as the adapter was trained, beside the model' {
        $answers = Get-LoraAdapter 'TestDrive:/chatty' | Invoke-LoraGeneration -Prompt 'Where does the fox sleep?' -Chat -Compare -MaxToken 24
        $answers.Adapter | Should -Be $null, 'chatty'
        $answers[1].Text | Should -Be 'The fox sleeps in a den.'
        $answers[1].StopReason | Should -Be 'EndToken'
        $answers[0].Text | Should -Not -Match 'den'
    }

    It 'answers the questions of rows of a file' {
        $answers = Get-Content $chats -TotalCount 3 | ConvertFrom-Json | Invoke-LoraGeneration -Adapter 'TestDrive:/chatty' -MaxToken 24
        $answers | Should -HaveCount 3
        $answers[0].Prompt | Should -Be 'And where does it live?'
        $answers[0].StopReason | Should -Be 'EndToken'
    }

    It 'gives tokens with -Stream, and shows nothing of them where they are kept' {
        $tokens = Invoke-LoraGeneration 'The fox' -Model $model -MaxToken 8 -Stream
        $tokens | Should -HaveCount 8
        -join $tokens.Text | Should -Be (Invoke-LoraGeneration 'The fox' -Model $model -MaxToken 8).Text
        $tokens | Out-String | Should -Match 'Prompt +Adapter +Id +Text'
    }

    It 'is stopped by who has enough' {
        1..10000 | ForEach-Object { "The fox $_" } | Invoke-LoraGeneration -Model $model -MaxToken 4 -BatchSize 2 | Select-Object -First 1 | Should -HaveCount 1
    }

    It 'leaves no model loaded' {
        # Thirty of 3 MB each, beside what the shell itself takes.
        $memory = {
            [GC]::Collect()
            [GC]::WaitForPendingFinalizers()
            [System.Diagnostics.Process]::GetCurrentProcess().WorkingSet64
        }
        1..5 | ForEach-Object { $null = Invoke-LoraGeneration 'x' -Adapter 'TestDrive:/chatty' -MaxToken 1 -WarningAction Ignore }
        $before = & $memory
        1..30 | ForEach-Object { $null = Invoke-LoraGeneration 'x' -Adapter 'TestDrive:/chatty' -MaxToken 1 -WarningAction Ignore }
        (& $memory) - $before | Should -BeLessThan 45MB
    }

    It 'comes back from a job as it was' {
        $manifest = (Resolve-Path (Join-Path $PSScriptRoot '../Lora.psd1')).ProviderPath
        $answer = Start-Job {
            Import-Module $using:manifest
            Invoke-LoraGeneration 'The fox' -Model $using:model -MaxToken 4
        } | Receive-Job -Wait -AutoRemoveJob
        $answer | Should -BeOfType [Lora.LoraGeneration]
        $answer.Text | Should -Be (Invoke-LoraGeneration 'The fox' -Model $model -MaxToken 4).Text
        $answer.Id | Should -HaveCount 4
    }

    It 'runs on at a terminal with -Stream' -Skip:($IsWindows -or -not (Get-Command script -CommandType Application -ErrorAction Ignore)) {
        $file = Join-Path $TestDrive stream.ps1
        Set-Content $file "Import-Module '$((Resolve-Path (Join-Path $PSScriptRoot '../Lora.psd1')).ProviderPath)'; Invoke-LoraGeneration 'The fox' -Model '$model' -MaxToken 4 -Stream"
        [string[]] $pwsh = if ([System.IO.Path]::GetFileNameWithoutExtension([System.Environment]::ProcessPath) -eq 'dotnet') { 'dotnet', (Join-Path $PSHOME pwsh.dll) }
        else { [System.Environment]::ProcessPath }
        $seen = script -qec "$pwsh -NoProfile -File '$file'" /dev/null | Out-String
        $whole = (Invoke-LoraGeneration 'The fox' -Model $model -MaxToken 4).Text
        $seen | Should -Match "\e\[1A\e\[K$([regex]::Escape($whole))"
        $seen | Should -Not -Match 'Adapter +Id'
    }
}
