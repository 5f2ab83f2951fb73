#Requires -Version 7.6
<#
.SYNOPSIS
    Builds, tests and packs the module. What is done is in the projects; this names the steps.
.DESCRIPTION
    Build lays the module out in bin/ and en-US/. Test runs every test of the solution, and Pester's where Pester is installed.
    Docs makes the help of the markdown in docs/en-US. Package writes artifacts/package/Lora, a module folder for one platform, and a zip of it.
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

# Core commands, .NET and native programs only: pwsh and a bare hosted engine both run this.
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$moduleFiles = @(
    'Lora.psd1', 'Lora.psm1', 'Lora.Format.ps1xml', 'LICENSE', 'THIRD-PARTY-NOTICES.txt', 'CHANGELOG.md',
    'en-US/Lora.dll-Help.xml', 'en-US/about_Lora.help.txt'
)
$properties = @('--configuration', $Configuration, "-p:TorchBackend=$TorchBackend", "-p:LoraRuntime=$Runtime")

function Invoke-DotNet {
    dotnet @args
    if ($LASTEXITCODE -ne 0) {
        throw "'dotnet $args' ended with exit code $LASTEXITCODE."
    }
}

function Invoke-Build {
    Invoke-DotNet build @properties
}

function Invoke-Test {
    Invoke-DotNet test @properties
    if (Get-Module -Name Pester -ListAvailable) {
        $run = Invoke-Pester -Path tests -PassThru
        if ($run.Result -ne 'Passed') {
            throw "Pester: $($run.FailedCount) tests failed."
        }
    }
    else {
        'Pester is not installed: tests/*.Tests.ps1 were not run.'
    }
}

function Invoke-Docs {
    Invoke-DotNet run --project tools/HelpBuilder --configuration $Configuration -- docs/en-US en-US
}

function Invoke-Package {
    $version = (Test-ModuleManifest -Path Lora.psd1).Version
    $package = [System.IO.Path]::Combine($PSScriptRoot, 'artifacts', 'package')
    $folder = [System.IO.Path]::Combine($package, 'Lora')
    if ([System.IO.Directory]::Exists($folder)) {
        [System.IO.Directory]::Delete($folder, $true)
    }

    # The build lays out its files there instead of in the repository, so that none of another platform is among them.
    Invoke-DotNet build src/Lora.Cmdlets @properties "-p:ModuleBin=$folder/bin/"
    foreach ($file in $moduleFiles) {
        $target = [System.IO.Path]::Combine($folder, $file)
        $null = [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName($target))
        [System.IO.File]::Copy([System.IO.Path]::Combine($PSScriptRoot, $file), $target)
    }

    Confirm-Package -Folder $folder
    $zip = [System.IO.Path]::Combine($package, "Lora-$version-$Runtime-$TorchBackend.zip")
    [System.IO.File]::Delete($zip)
    [System.IO.Compression.ZipFile]::CreateFromDirectory($folder, $zip, 'Optimal', $true)
    $zip
}

# Everything that belongs into the package is there, and nothing else.
function Confirm-Package {
    param([string] $Folder)

    $torch = if ($Runtime -eq 'win-x64') { 'torch_cpu.dll', 'LibTorchSharp.dll' }
    elseif ($Runtime -eq 'osx-arm64') { 'libtorch_cpu.dylib', 'libLibTorchSharp.dylib' }
    else { 'libtorch_cpu.so', 'libLibTorchSharp.so' }
    $needed = $moduleFiles + @('bin/Lora.dll', 'bin/Lora.Engine.dll', 'bin/deps/TorchSharp.dll') + @($torch | ForEach-Object { "bin/deps/$_" })
    $allowed = '^(bin/(Lora|Lora\.Engine)\.(dll|pdb)|bin/deps/[^/]+\.(dll|dylib|so(\.[\d.]+)?|txt))$'

    $found = [System.IO.Directory]::GetFiles($Folder, '*', 'AllDirectories') |
        ForEach-Object { [System.IO.Path]::GetRelativePath($Folder, $_).Replace('\', '/') }
    $missing = @($needed | Where-Object { $_ -notin $found })
    $stray = @($found | Where-Object { $_ -notin $moduleFiles -and $_ -notmatch $allowed })
    if ($missing -or $stray) {
        throw "The package lacks '$($missing -join "', '")' and should not have '$($stray -join "', '")'."
    }

    $null = Test-ModuleManifest -Path ([System.IO.Path]::Combine($Folder, 'Lora.psd1'))
}

# dotnet looks for global.json in the current location.
$locations = $ExecutionContext.SessionState.Path
$locations.PushCurrentLocation('Lora.build')
try {
    $null = $locations.SetLocation([System.Management.Automation.WildcardPattern]::Escape($PSScriptRoot))
    foreach ($name in $Task) {
        & "Invoke-$name"
    }
}
finally {
    $null = $locations.PopLocation('Lora.build')
}
