#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

# Every block of PowerShell in the README and in the help is run as a reader types it: a session a page, in a folder with ./model, ./train.jsonl,
# ./validation.jsonl, ./chat.jsonl, ./chat-validation.jsonl and, for the help, ./adapter. A block of text right after one shows what it gives. What would
# install something is asked only what it would do. Lines of llama.cpp's llama-completion run llama.cpp (tests/LlamaCompletion), and say what the engine says.
BeforeDiscovery {
    $root = Split-Path $PSScriptRoot
    $pages = Get-Item (Join-Path $root README.md), (Join-Path $root 'docs/en-US/*.md') | ForEach-Object {
        $text = Get-Content $_ -Raw
        $blocks = [regex]::Matches($text, '(?ms)^```powershell\r?\n(.*?)^```(?:\s+```text\r?\n(.*?)^```)?') | ForEach-Object {
            $before = $text.Substring(0, $_.Index)
            @{
                Line    = @($before -split '\n').Count
                Heading = [regex]::Match($before, '(?m)^#+ (.*?)\r?$', 'RightToLeft').Groups[1].Value
                Code    = $_.Groups[1].Value
                Shown   = $_.Groups[2].Value
            }
        }
        @{ Page = $_.BaseName; Block = $blocks }
    }
}

BeforeAll {
    . (Join-Path $PSScriptRoot ScriptedHost.ps1)
    . (Join-Path $PSScriptRoot LocalHub.ps1)
    $manifest = Join-Path $PSScriptRoot '../Lora.psd1'
    $examples = Join-Path $PSScriptRoot '../examples'
    Import-Module $manifest
    New-LoraConfig -Model (Join-Path $examples model) -TargetModule q_proj -Rank 4 |
        Invoke-LoraTraining -Dataset (Join-Path $examples data/animal-notes.train.jsonl) -MaxStep 1 -OutputPath 'TestDrive:/adapter' |
        Out-Null
    $adapter = (Resolve-Path 'TestDrive:/adapter').ProviderPath

    # What is downloaded comes from a hub on this machine.
    $hub = Start-LocalHub (Join-Path $TestDrive hf)
    $env:HF_TOKEN = $hub.Token
    $repository = $hub.Add('org/model', (Join-Path $examples model))
    $null = $repository.Push((Join-Path $examples model), 'v1')
}

AfterAll {
    Stop-LocalHub $hub
}

Describe '<Page>' -ForEach $pages {
    BeforeAll {
        $folder = New-Item -ItemType Directory (Join-Path $TestDrive $Page)
        Copy-Item (Join-Path $examples model) (Join-Path $folder model) -Recurse
        Copy-Item (Join-Path $examples data/animal-notes.train.jsonl) (Join-Path $folder train.jsonl)
        Copy-Item (Join-Path $examples data/animal-notes.validation.jsonl) (Join-Path $folder validation.jsonl)
        Copy-Item (Join-Path $examples data/animal-chats.train.jsonl) (Join-Path $folder chat.jsonl)
        Copy-Item (Join-Path $examples data/animal-chats.validation.jsonl) (Join-Path $folder chat-validation.jsonl)
        Copy-Item (Join-Path $examples flux/adapter) (Join-Path $folder flux-peft) -Recurse
        if ($Page -ne 'README') {
            Copy-Item $adapter (Join-Path $folder adapter) -Recurse
        }

        $reader = [ScriptedHost]::new()
        $runspace = [runspacefactory]::CreateRunspace($reader)
        $runspace.Open()
        $session = [powershell]::Create($runspace)
        $null = $session.AddScript('Import-Module $args[0]; Set-Location -LiteralPath $args[1]; $PSDefaultParameterValues["Install-LoraRuntime:WhatIf"] = $true').AddArgument($manifest).AddArgument($folder.FullName).Invoke()
        $session.Commands.Clear()
        $llama = Get-ChildItem (Join-Path $PSScriptRoot '../artifacts/bin/LlamaCompletion/*/LlamaCompletion.dll') | Sort-Object LastWriteTime | Select-Object -Last 1
        $null = $session.AddScript('$llama = $args[0]; function llama-completion { dotnet $llama @args }').AddArgument($llama.FullName).Invoke()
    }

    AfterAll {
        $session.Dispose()
        $runspace.Dispose()
    }

    It 'has code' {
        $Block.Count | Should -BeGreaterThan 0
    }

    It 'line <Line>, <Heading>, runs without an error or a warning' -ForEach $Block {
        $session.Commands.Clear()
        $session.Streams.ClearStreams()
        $reader.Type('Where does the fox sleep?', '/exit') # where a block begins a chat
        $said = $session.AddScript($Code).AddCommand('Out-String').AddParameter('Width', 120).Invoke() -join ''
        $session.Streams.Error | Should -BeNullOrEmpty

        # That another program would misread an export is said of every adapter of some blocks or of one role: it belongs to what the blocks show.
        $session.Streams.Warning | Where-Object Message -NotLike '*Test-LoraAdapter says why*' | Should -BeNullOrEmpty

        # What a page shows below a block is what the block gives.
        if ($Shown) {
            $lines = $said -replace '\e\[[\d;]*m' -split '\r?\n' | ForEach-Object TrimEnd
            ($lines -join "`n").Trim("`n") | Should -Be ($Shown -replace '\r').Trim("`n")
        }
    }

    if ($Page -eq 'README') {
        It 'runs llama.cpp on the screen of training, talking and exporting' {
            ($Block | Where-Object Heading -EQ 'Train, talk, export').Code -join "`n" | Should -Match '(?m)^\$chat = .*Invoke-LoraTraining (.|\n)*^\$chat \| Invoke-LoraGeneration (.|\n)*^Export-LoraModel (.|\n)*^llama-completion '
        }

        It 'says in llama.cpp what the engine says: <_>' -ForEach @($Block.Code -split '\r?\n' -match '^llama-') {
            $elements = [System.Management.Automation.Language.Parser]::ParseInput($_, [ref] $null, [ref] $null).EndBlock.Statements[0].PipelineElements[0].CommandElements
            $words = foreach ($element in $elements) { $element -is [System.Management.Automation.Language.CommandParameterAst] ? "-$($element.ParameterName)" : $element.SafeGetValue() }
            function Get-Word { param($Name) $words[[array]::IndexOf($words, $Name) + 1] }

            # What a file was written from is the folder of its name: an adapter, or a model that has one in it.
            $source = [System.IO.Path]::ChangeExtension((Get-Word ('--lora' -in $words ? '--lora' : '-m')), $null).TrimEnd('.')
            $asked = @{ Prompt = Get-Word '-p'; MaxToken = Get-Word '-n' }
            $asked += (Test-Path (Join-Path $folder $source adapter_config.json)) ? @{ Adapter = "./$source" } : @{ Model = "./$source" }

            $session.Commands.Clear()
            $session.Streams.ClearStreams()
            $said = $session.AddScript($_).Invoke() -join "`n"
            $session.Streams.Error | Should -BeNullOrEmpty
            $session.Commands.Clear()
            $ours = $session.AddScript('param($asked) (Invoke-LoraGeneration @asked).Text').AddArgument($asked).Invoke() -join "`n"
            $ours | Should -Not -BeNullOrEmpty
            $said | Should -Be ($asked.Prompt + $ours)
        }

        It 'runs no line of llama.cpp with an argument that it does not know' {
            $session.Commands.Clear()
            $session.Streams.ClearStreams()
            $null = $session.AddScript("llama-completion -m chatty.gguf -p 'The fox' -n 4 --temp 0 -no-cnv --mirostat 2").Invoke()
            $session.Streams.Error | Should -Match "--mirostat"
        }
    }

    if ($Page -eq 'Invoke-LoraTraining') {
        It 'has written what its remarks say' {
            foreach ($file in 'my-adapter/adapter_model.safetensors', 'runs/rank2/adapter_config.json', 'runs/rank4/adapter_config.json') {
                Join-Path $folder $file | Should -Exist
            }
        }
    }
}
