#Requires -Version 7.6
<#
.SYNOPSIS
    Builds, tests, packs and publishes the module. What is done is in the projects; this names the steps.
.DESCRIPTION
    Build lays the module out in bin/ and en-US/. Test runs every test, Pester's among them. Docs makes the help of the markdown in
    docs/en-US.

    Package writes artifacts/package/Lora, a module folder with libtorch for one platform and backend, and a zip of it. Publish makes the
    package for the Gallery out of what Build has laid out: everything but libtorch, for all platforms, to which Install-LoraRuntime adds what a machine
    needs. It is left in artifacts/package too. Both sign what they pack with -Certificate or -SignCommand.
.EXAMPLE
    ./build.ps1 -Task Build, Test
.EXAMPLE
    ./build.ps1 -Task Package -Runtime win-x64 -TorchBackend cuda
.EXAMPLE
    ./build.ps1 -Task Build, Publish -Repository PSGallery -ApiKey (Read-Host -AsSecureString) -WhatIf
.EXAMPLE
    ./build.ps1 -Task Publish -Repository Internal -SignCommand { param($Path) sign-remotely $Path }
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [ValidateSet('Build', 'Test', 'Docs', 'Package', 'Publish')]
    [string[]] $Task = 'Build',

    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release',

    [ValidateSet('cpu', 'cuda')]
    [string] $TorchBackend = 'cpu',

    # The platform whose libtorch goes into the module; this machine's without it.
    [ValidateSet('linux-x64', 'win-x64', 'osx-arm64')]
    [string] $Runtime = $(if ($IsWindows) { 'win-x64' } elseif ($IsMacOS) { 'osx-arm64' } else { 'linux-x64' }),

    # Where Publish puts the package: a name that Get-PSResourceRepository knows.
    [string] $Repository,

    # That repository's key. Without it the environment variable LORA_API_KEY is taken; a folder needs none.
    [securestring] $ApiKey,

    # Signs the package's scripts and assemblies by Set-AuthenticodeSignature, which Windows alone has.
    [System.Security.Cryptography.X509Certificates.X509Certificate2] $Certificate,

    # Signs them anywhere: it is given their paths, all of them at once.
    [scriptblock] $SignCommand
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
. (Join-Path $PSScriptRoot tools Packaging.ps1)

$properties = @('--configuration', $Configuration, "-p:TorchBackend=$TorchBackend", "-p:LoraRuntime=$Runtime")
$signing = @{ Certificate = $Certificate; SignCommand = $SignCommand }
$version = (Import-PowerShellDataFile (Join-Path $PSScriptRoot Lora.psd1)).ModuleVersion
$package = Join-Path $PSScriptRoot artifacts package

function Invoke-DotNet {
    dotnet @args
    if ($LASTEXITCODE -ne 0) {
        throw "'dotnet $args' ended with exit code $LASTEXITCODE."
    }
}

function Compress-Package {
    # The build lays out its files there instead of in the repository, so that none of another platform is among them.
    $folder = New-PackageFolder (Join-Path $package full Lora) -Bin { Invoke-DotNet build src/Lora.Cmdlets @properties "-p:ModuleBin=$($args[0])/" | Out-Host }
    Confirm-Package $folder -Dependency '\.(dll|dylib|so(\.[\d.]+)?|txt)'
    Protect-Package $folder @signing

    # Compress-Archive takes no file above 2 GB, which CUDA's can be.
    $zip = Join-Path $package "Lora-$version-$Runtime-$TorchBackend.zip"
    [System.IO.File]::Delete($zip)
    [System.IO.Compression.ZipFile]::CreateFromDirectory($folder, $zip, 'Optimal', $true)
    Get-Item -LiteralPath $zip
}

function Publish-Package {
    $to = @{ Repository = $Repository }
    if ($ApiKey) {
        $to.ApiKey = ConvertFrom-SecureString $ApiKey -AsPlainText
    }
    elseif ($env:LORA_API_KEY) {
        $to.ApiKey = $env:LORA_API_KEY
    }

    $folder = New-PackageFolder (Join-Path $package slim Lora) -Bin { Copy-ManagedCode (Join-Path $PSScriptRoot bin) $args[0] }
    Confirm-Package $folder -Dependency '\.dll'
    Protect-Package $folder @signing

    $file = Join-Path $package "Lora.$version.nupkg"
    [System.IO.File]::Delete($file)
    Compress-PSResource -Path (Join-Path $folder Lora.psd1) -DestinationPath $package
    Confirm-PackageSize $file
    Publish-PSResource -NupkgPath $file @to
    Get-Item -LiteralPath $file
}

if ('Publish' -in $Task -and -not $Repository) {
    throw 'Publish needs -Repository, a name that Get-PSResourceRepository knows. Register-PSResourceRepository adds one, a folder among them.'
}

# dotnet looks for global.json in the current location.
Push-Location -LiteralPath $PSScriptRoot
try {
    foreach ($step in $Task) {
        $target = if ($step -eq 'Publish') { "Lora $version in repository '$Repository'" } else { $PSScriptRoot }
        if (-not $PSCmdlet.ShouldProcess($target, $step)) {
            continue
        }

        switch ($step) {
            Build { Invoke-DotNet build @properties }
            Test { Invoke-DotNet test @properties }
            Docs { Invoke-DotNet run --project tools/HelpBuilder --configuration $Configuration -- docs/en-US en-US }
            Package { Compress-Package }
            Publish { Publish-Package }
        }
    }
}
finally {
    Pop-Location
}
