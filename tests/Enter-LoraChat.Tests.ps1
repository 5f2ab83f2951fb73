#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

# A chat in a shell of its own: what is typed comes by its input, or by a terminal that script makes.
BeforeAll {
    $manifest = (Resolve-Path (Join-Path $PSScriptRoot '../Lora.psd1')).ProviderPath
    Import-Module $manifest
    $examples = (Resolve-Path (Join-Path $PSScriptRoot '../examples')).ProviderPath
    $folder = Join-Path $TestDrive chatty
    . (Join-Path $PSScriptRoot Chatty.ps1)
    $training = Get-ChattyTraining $TestDrive
    New-LoraConfig -Model (Join-Path $examples model) -TargetPattern all-linear |
        Invoke-LoraTraining @training -OutputPath $folder |
        Out-Null
    $file = Join-Path $TestDrive chat.ps1
    Set-Content $file "Import-Module '$manifest'; Enter-LoraChat '$folder' -MaxToken 400; 'the script went on'"
    [string[]] $pwsh = if ([System.IO.Path]::GetFileNameWithoutExtension([System.Environment]::ProcessPath) -eq 'dotnet') { 'dotnet', (Join-Path $PSHOME pwsh.dll) }
    else { [System.Environment]::ProcessPath }
}

Describe 'Enter-LoraChat' {
    It 'answers what comes by the input, and ends with it' {
        $said = 'Where does the fox sleep?', '/reset', 'What does the bear eat?' | & $pwsh[0] @($pwsh | Select-Object -Skip 1) -NoProfile -File $file 2>&1 | Out-String
        $said | Should -Match '>>> Where does the fox sleep\?\s+The fox sleeps in a den\.\s+>>> /reset\s+What was said is forgotten\.\s+>>> What does the bear eat\?\s+The bear eats fish and honey\.'
        $said | Should -Match 'the script went on'
    }

    It 'refuses a shell in which nobody can type' {
        $said = & $pwsh[0] @($pwsh | Select-Object -Skip 1) -NoProfile -NonInteractive -File $file 2>&1 | Out-String
        $said | Should -Match 'There is nobody to chat with'
        { Enter-LoraChat -Model (Join-Path $examples model) } | Should -Throw -ErrorId 'LoraChatTemplateMissing,*'
    }

    It 'ends an answer at Ctrl+C, and not the chat' -Skip:($IsWindows -or -not (Get-Command tmux -CommandType Application -ErrorAction Ignore)) {
        # Drawn from nearly everything, a text goes on until the model has room for no more.
        $endless = Join-Path $TestDrive endless.ps1
        Set-Content $endless "Import-Module '$manifest'; Enter-LoraChat '$folder' -MaxToken 1000 -Temperature 3 -Seed 2; 'the script went on'"
        $terminal = "lora-chat-$PID"
        $screen = { (tmux -L $terminal capture-pane -p -S - 2>$null) -join "`n" }
        $await = {
            param([string] $Pattern)
            $limit = [datetime]::Now.AddSeconds(120)
            while ((& $screen) -notmatch $Pattern -and [datetime]::Now -lt $limit) {
                Start-Sleep -Milliseconds 100
            }
            & $screen | Should -Match $Pattern
        }
        $type = {
            param([string] $Line)
            tmux -L $terminal send-keys -l $Line
            tmux -L $terminal send-keys Enter
        }
        tmux -L $terminal new-session -d -x 100 -y 50 "$pwsh -NoProfile -File '$endless'; cat"
        try {
            & $await '>>>\s*$'
            & $type '/adapter none'
            & $await 'answers without an adapter\.\n>>>\s*$'

            & $type 'Tell me a tale.'
            & $await '(?s)Tell me a tale\.\n[^\n]{40}'
            tmux -L $terminal send-keys C-c
            & $await '(?s)Tell me a tale\.\n.*\n>>>\s*$'
            ((& $screen) -split 'Tell me a tale\.')[-1].Length | Should -BeLessThan 1100 # all of it is more
            & $type '/exit'
            & $await 'the script went on'
        }
        finally {
            tmux -L $terminal kill-server
        }
    }
}
