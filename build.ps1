#Requires -Version 7.6
<#
.SYNOPSIS
    Builds, tests and packs the module. What is done is in the projects; this names the steps.
.DESCRIPTION
    Build lays the module out in bin/ and en-US/. Test runs every test, Pester's among them. Docs makes the help of the markdown in
    docs/en-US. Package writes artifacts/package/Lora, a module folder for one platform, and a zip of it.
.EXAMPLE
    ./build.ps1 -Task Build, Test
.EXAMPLE
    ./build.ps1 -Task Package -Runtime win-x64 -TorchBackend cuda
#>
[CmdletBinding()]
param(
    [ValidateSet('Build', 'Test', 'Docs', 'Package')]
    [string[]] $Task = 'Build',

    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release',

    [ValidateSet('cpu', 'cuda')]
    [string] $TorchBackend = 'cpu',

    # The platform whose libtorch goes into the module; this machine's without it.
    [ValidateSet('linux-x64', 'win-x64', 'osx-arm64')]
    [string] $Runtime = $(if ($IsWindows) { 'win-x64' } elseif ($IsMacOS) { 'osx-arm64' } else { 'linux-x64' })
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$moduleFiles = @(
    'Lora.psd1', 'Lora.psm1', 'Lora.Format.ps1xml', 'Lora.Types.psd1', 'Lora.Types.ps1xml', 'LICENSE', 'THIRD-PARTY-NOTICES.txt', 'CHANGELOG.md',
    'en-US/Lora.dll-Help.xml', 'en-US/about_Lora.help.txt'
)
$properties = @('--configuration', $Configuration, "-p:TorchBackend=$TorchBackend", "-p:LoraRuntime=$Runtime")

function Invoke-DotNet {
    dotnet @args
    if ($LASTEXITCODE -ne 0) {
        throw "'dotnet $args' ended with exit code $LASTEXITCODE."
    }
}

function Compress-Package {
    $package = Join-Path $PSScriptRoot artifacts package
    $folder = Join-Path $package Lora
    if (Test-Path -LiteralPath $folder) {
        Remove-Item -LiteralPath $folder -Recurse
    }

    # The build lays out its files there instead of in the repository, so that none of another platform is among them.
    Invoke-DotNet build src/Lora.Cmdlets @properties "-p:ModuleBin=$folder/bin/" | Out-Host
    $null = New-Item -ItemType Directory (Join-Path $folder en-US)
    foreach ($file in $moduleFiles) {
        Copy-Item $file -Destination (Join-Path $folder $file)
    }

    Confirm-Package -Folder $folder
    $version = (Test-ModuleManifest -Path Lora.psd1).Version
    $zip = Join-Path $package "Lora-$version-$Runtime-$TorchBackend.zip"
    [System.IO.File]::Delete($zip)

    # Compress-Archive takes no file above 2 GB, which CUDA's can be.
    [System.IO.Compression.ZipFile]::CreateFromDirectory($folder, $zip, 'Optimal', $true)
    Get-Item -LiteralPath $zip
}

# Everything that belongs into the package is there, and nothing else. The build has looked for the libraries of the platform and the backend.
function Confirm-Package {
    param([string] $Folder)

    $needed = $moduleFiles + @('bin/Lora.dll', 'bin/Lora.Engine.dll', 'bin/deps/TorchSharp.dll')
    $allowed = '^(bin/(Lora|Lora\.Engine)\.(dll|pdb)|bin/deps/[^/]+\.(dll|dylib|so(\.[\d.]+)?|txt))$'

    $found = (Get-ChildItem -LiteralPath $Folder -Recurse -File -Name) -replace '\\', '/'
    $missing = @($needed | Where-Object { $_ -notin $found })
    $stray = @($found | Where-Object { $_ -notin $moduleFiles -and $_ -notmatch $allowed })
    if ($missing -or $stray) {
        throw "The package lacks '$($missing -join "', '")' and should not have '$($stray -join "', '")'."
    }

    $null = Test-ModuleManifest -Path (Join-Path $Folder Lora.psd1)
}

# dotnet looks for global.json in the current location.
Push-Location -LiteralPath $PSScriptRoot
try {
    switch ($Task) {
        Build { Invoke-DotNet build @properties }
        Test { Invoke-DotNet test @properties }
        Docs { Invoke-DotNet run --project tools/HelpBuilder --configuration $Configuration -- docs/en-US en-US }
        Package { Compress-Package }
    }
}
finally {
    Pop-Location
}
