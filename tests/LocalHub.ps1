#Requires -Version 7.6

# A hub on this machine (tests/LocalHub) for the tests that download: HF_ENDPOINT and HF_HOME name it and a folder of its own until Stop-LocalHub.
Add-Type -LiteralPath (Get-ChildItem (Join-Path $PSScriptRoot '../artifacts/bin/LocalHub/*/LocalHub.dll') | Sort-Object LastWriteTime | Select-Object -Last 1)

$hubVariables = 'HF_ENDPOINT', 'HF_HOME', 'HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_TOKEN', 'HF_TOKEN_PATH', 'HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE', 'HF_HUB_DISABLE_SYMLINKS'

function Start-LocalHub {
    param([string] $HubHome)

    $hub = [Lora.Tests.Hubs.LocalHub]::new()
    $hubVariables | ForEach-Object { [System.Environment]::SetEnvironmentVariable("LORA_TEST_$_", [System.Environment]::GetEnvironmentVariable($_)) }
    $hubVariables | ForEach-Object { [System.Environment]::SetEnvironmentVariable($_, $null) }
    $env:HF_ENDPOINT = $hub.Address
    $env:HF_HOME = $HubHome
    $hub
}

function Stop-LocalHub {
    param($Hub)

    $hubVariables | ForEach-Object {
        [System.Environment]::SetEnvironmentVariable($_, [System.Environment]::GetEnvironmentVariable("LORA_TEST_$_"))
        [System.Environment]::SetEnvironmentVariable("LORA_TEST_$_", $null)
    }
    $Hub.Dispose()
}
