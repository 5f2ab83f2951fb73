#Requires -Version 7.6
<#
.SYNOPSIS
    Runs the Windows package in Windows' PowerShell under Wine: as it is, and as the Gallery has it, without libtorch.
.DESCRIPTION
    What a Linux machine can see of the package. What a user does is in tools/WineSmoke, a script a package, which Windows itself runs too.

    PowerShell for Windows is in the package of the tool that .config/dotnet-tools.json pins, .NET for Windows is in NuGet's runtime packs; both
    are laid out in -Folder. Where there is no Wine it says that it was skipped. It ends all that it started, also what does not end by itself.
.EXAMPLE
    ./build.ps1 -Task Package -Runtime win-x64
    ./tools/WineSmoke.ps1
#>
[CmdletBinding()]
param(
    # The zip that build.ps1 packed for win-x64.
    [string] $Package,

    # Where Wine's files, PowerShell and the unpacked modules go, made anew.
    [string] $Folder,

    # The command that runs Windows programs. Its wineserver lies beside it.
    [string] $Wine = 'wine',

    # The longest that one program may take, in seconds.
    [int] $TimeoutSec = 300
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

foreach ($command in $Wine, 'script') {
    if (-not (Get-Command $command -CommandType Application -ErrorAction Ignore)) {
        return "Skipped: '$command' is not installed."
    }
}

. (Join-Path $PSScriptRoot Packaging.ps1)
$Wine = (Get-Command $Wine -CommandType Application | Select-Object -First 1).Source
$wineserver = (Get-Command (Join-Path (Split-Path $Wine) wineserver) -CommandType Application).Source

if (-not $Folder) {
    $Folder = Join-Path $root artifacts wine
}

if (-not $Package) {
    $version = (Import-PowerShellDataFile (Join-Path $root Lora.psd1)).ModuleVersion
    $Package = Join-Path $root artifacts package "Lora-$version-win-x64-cpu.zip"
}

if (-not (Test-Path -LiteralPath $Package)) {
    throw "'$Package' is not there: './build.ps1 -Task Package -Runtime win-x64' makes it."
}

$Folder = (New-Item -ItemType Directory $Folder -Force).FullName
$work = Join-Path $Folder work

function Invoke-DotNet {
    $said = dotnet @args 2>&1 | Out-String
    if ($LASTEXITCODE -ne 0) {
        throw "'dotnet $args' ended with exit code $LASTEXITCODE.`n$said"
    }

    $said.Trim()
}

function ConvertTo-WindowsPath {
    param([string] $Path)

    "Z:$Path" -replace '/', '\'
}

# .NET for Windows as an installation has it, host/fxr and shared/, and PowerShell. The answer is NuGet's folder of packages.
function Install-PowerShell {
    $number = [System.Environment]::Version.ToString()

    # PowerShell opens no window here, but names types of the desktop's framework when it starts.
    $frameworks = 'Microsoft.NETCore.App', 'Microsoft.WindowsDesktop.App'
    $project = Join-Path $Folder runtime.csproj
    Set-Content $project @"
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
  <ItemGroup>
    $($frameworks | ForEach-Object { "<PackageDownload Include='$_.Runtime.win-x64' Version='[$number]' />" })
  </ItemGroup>
</Project>
"@
    $null = Invoke-DotNet restore $project
    $packages = Invoke-DotNet msbuild $project '-getProperty:NuGetPackageRoot'

    foreach ($framework in $frameworks) {
        $pack = Join-Path $packages "$framework.Runtime.win-x64".ToLowerInvariant() $number runtimes win-x64
        $shared = New-Item -ItemType Directory (Join-Path $Folder dotnet shared $framework $number)
        Get-ChildItem (Join-Path $pack lib net10.0), (Join-Path $pack native) -File | Copy-Item -Destination $shared
    }

    $resolver = New-Item -ItemType Directory (Join-Path $Folder dotnet host fxr $number)
    Copy-Item (Join-Path $Folder dotnet shared Microsoft.NETCore.App $number hostfxr.dll) -Destination $resolver

    $tool = (Get-Content (Join-Path $root .config dotnet-tools.json) -Raw | ConvertFrom-Json).tools.powershell.version
    Copy-Item (Join-Path $packages powershell $tool tools net10.0 any win) -Destination (Join-Path $Folder pwsh) -Recurse
    $packages
}

# The package, and what the Gallery's has of it.
function Install-Module {
    [System.IO.Compression.ZipFile]::ExtractToDirectory((Convert-Path -LiteralPath $Package), (Join-Path $Folder FullPackage))
    Copy-Item (Join-Path $Folder FullPackage) -Destination (Join-Path $Folder SlimPackage) -Recurse
    Get-ChildItem (Join-Path $Folder SlimPackage Lora bin deps) -Filter *.dll | Where-Object { -not (Test-ManagedCode $_) } | Remove-Item
}

# Runs a program in a console of script's, without which PowerShell does not start, for as long as it may take and no longer.
function Invoke-Wine {
    Write-Verbose "$(Get-Date -Format HH:mm:ss) $args"
    $log = Join-Path $work console.txt
    $start = @{
        FilePath               = 'script'
        ArgumentList           = '-qefc', "`"'$Wine' $args`"", "`"$log`""
        Environment            = $environment
        RedirectStandardInput  = '/dev/null'
        RedirectStandardOutput = Join-Path $work output.txt
        PassThru               = $true
    }
    $process = Start-Process @start
    $process | Wait-Process -Timeout $TimeoutSec -ErrorAction Ignore
    if (-not $process.HasExited) {
        $process.Kill($true)
        throw "'$Wine $args' did not end within $TimeoutSec seconds. What it said is in '$log'."
    }

    if ($process.ExitCode -ne 0) {
        throw "'$Wine $args' ended with exit code $($process.ExitCode). What it said is in '$log'."
    }
}

# One script of tools/WineSmoke, in a shell that finds the package of its name.
function Invoke-Smoke {
    param([string] $Name, [string] $Arguments)

    $environment.PSModulePath = ConvertTo-WindowsPath (Join-Path $Folder $Name)
    $script = Join-Path $work "$Name.ps1"
    Set-Content $script @"
Set-Location '$(ConvertTo-WindowsPath $work)'
try { Set-Content ./$Name.txt "Passed: `$(& '$(ConvertTo-WindowsPath (Join-Path $PSScriptRoot WineSmoke "$Name.ps1"))' $Arguments)" }
catch { Set-Content ./$Name.txt "Failed: `$_``n`$(`$_.ScriptStackTrace)" }
"@
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    Invoke-Wine "'$(Join-Path $Folder pwsh pwsh.exe)'" -NoProfile -NonInteractive -File "'$(ConvertTo-WindowsPath $script)'"
    $said = (Get-Content (Join-Path $work "$Name.txt") -Raw).TrimEnd()
    if ($said -notlike 'Passed*') {
        throw "$Name`: $said"
    }

    "$Name, $($clock.Elapsed.TotalSeconds.ToString('F0')) s. $said"
}

foreach ($made in 'dotnet', 'pwsh', 'prefix', 'home', 'FullPackage', 'SlimPackage', 'work') {
    $path = Join-Path $Folder $made
    if (Test-Path -LiteralPath $path) {
        Remove-Item -LiteralPath $path -Recurse -Force
    }
}

$null = New-Item -ItemType Directory $work, (Join-Path $Folder home)
Write-Verbose "$(Get-Date -Format HH:mm:ss) laying out PowerShell and the package"
$packages = Install-PowerShell
Install-Module

$environment = @{
    WINEPREFIX                   = Join-Path $Folder prefix
    WINEDEBUG                    = '-all'

    # Wine links the user's folders to this one's, and opens no window without a display.
    HOME                         = Join-Path $Folder home
    DISPLAY                      = $null

    # .NET's rule that memory is not written and run at once ends it under Wine; OpenMP ends the process where it cannot ask for the processor's nodes.
    DOTNET_EnableWriteXorExecute = '0'
    KMP_AFFINITY                 = 'disabled'
    DOTNET_ROOT                  = ConvertTo-WindowsPath (Join-Path $Folder dotnet)
    POWERSHELL_TELEMETRY_OPTOUT  = '1'
    LORA_LIBTORCH                = $null
}
try {
    Invoke-Wine wineboot -i
    Invoke-Wine winecfg -v win10
    Invoke-Smoke FullPackage
    Invoke-Smoke SlimPackage "-Source '$(ConvertTo-WindowsPath $packages)'"
}
finally {
    # Whatever runs in this prefix, and in no other.
    Start-Process $wineserver -ArgumentList '-k' -Environment $environment -PassThru | Wait-Process -Timeout 30 -ErrorAction Ignore
}
