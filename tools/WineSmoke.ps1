#Requires -Version 7.6
<#
.SYNOPSIS
    Runs the Windows package in Windows' PowerShell under Wine: import, list, choose, train, export, merge.
.DESCRIPTION
    What a machine without Windows can see of the package. PowerShell for Windows is in the package of the tool that .config/dotnet-tools.json pins, .NET
    for Windows is NuGet's runtime pack; both are laid out in -Folder. Where there is no Wine it says that it was skipped.
.EXAMPLE
    ./build.ps1 -Task Package -Runtime win-x64
    ./tools/WineSmoke.ps1
#>
[CmdletBinding()]
param(
    # The zip that build.ps1 packed for win-x64.
    [string] $Package,

    # Where Wine's files, PowerShell and the unpacked module go; made anew but for Wine's own files.
    [string] $Folder,

    # The command that runs Windows programs.
    [string] $Wine = 'wine'
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$root = Split-Path $PSScriptRoot

foreach ($command in $Wine, 'script') {
    if (-not (Get-Command $command -CommandType Application -ErrorAction Ignore)) {
        return "Skipped: '$command' is not installed."
    }
}

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

function Invoke-Native {
    $command, $arguments = $args
    $said = & $command @arguments 2>&1 | Out-String
    if ($LASTEXITCODE -ne 0) {
        throw "'$args' ended with exit code $LASTEXITCODE.`n$said"
    }

    $said
}

# .NET for Windows as an installation has it: host/fxr and shared/, in $Folder/dotnet.
function Install-DotNet {
    param([string] $Target)

    $number = [System.Environment]::Version.ToString()
    $project = Join-Path $Folder runtime.csproj
    Set-Content $project @"
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
  <ItemGroup><PackageDownload Include="Microsoft.NETCore.App.Runtime.win-x64" Version="[$number]" /></ItemGroup>
</Project>
"@
    $null = Invoke-Native dotnet restore $project
    $packages = (Invoke-Native dotnet msbuild $project '-getProperty:NuGetPackageRoot').Trim()
    $runtime = Join-Path $packages "microsoft.netcore.app.runtime.win-x64/$number/runtimes/win-x64"
    $shared = New-Item -ItemType Directory (Join-Path $Target "shared/Microsoft.NETCore.App/$number")
    $resolver = New-Item -ItemType Directory (Join-Path $Target "host/fxr/$number")
    Copy-Item (Join-Path $runtime lib/net10.0/*), (Join-Path $runtime native/*) -Destination $shared
    Copy-Item (Join-Path $runtime native/hostfxr.dll) -Destination $resolver
    $packages
}

foreach ($made in 'dotnet', 'pwsh', 'modules', 'work') {
    $path = Join-Path $Folder $made
    if (Test-Path -LiteralPath $path) {
        Remove-Item -LiteralPath $path -Recurse
    }
}

$packages = Install-DotNet (Join-Path $Folder dotnet)
$tool = (Get-Content (Join-Path $root .config/dotnet-tools.json) -Raw | ConvertFrom-Json).tools.powershell.version
Copy-Item (Join-Path $packages "powershell/$tool/tools/net10.0/any/win") -Destination (Join-Path $Folder pwsh) -Recurse

# The desktop framework serves windows that nothing here opens.
$settings = Join-Path $Folder pwsh/pwsh.runtimeconfig.json
$json = Get-Content $settings -Raw | ConvertFrom-Json
$json.runtimeOptions.frameworks = @($json.runtimeOptions.frameworks | Where-Object name -EQ Microsoft.NETCore.App)
$json | ConvertTo-Json -Depth 9 | Set-Content $settings

Expand-Archive -LiteralPath $Package -DestinationPath (Join-Path $Folder modules)
$work = New-Item -ItemType Directory (Join-Path $Folder work)
Set-Content (Join-Path $work smoke.ps1) @'
$ErrorActionPreference = 'Stop'
try {
    $examples = Join-Path (Get-Module Lora -ListAvailable).ModuleBase examples
    Set-Location $PSScriptRoot
    $config = Get-LoraModule $examples/model -Include '*_proj' | New-LoraConfig -Rank 8
    $result = $config | Invoke-LoraTraining -Dataset $examples/data/animal-notes.train.jsonl -MaxStep 20 -BatchSize 4 -LearningRate 5e-3 -OutputPath ./adapter
    $losses = $result.History.Loss
    $null = Export-LoraModel ./merged -Adapter ./adapter
    $said = "$($config.Module.Count) modules, loss $($losses[0].ToString('F3')) -> $($losses[-1].ToString('F3')), rank $((Get-LoraAdapter ./adapter).Rank)"
    if (-not $IsWindows -or $losses[-1] -gt 0.6 * $losses[0] -or -not (Test-Path ./merged/model.safetensors)) {
        throw $said
    }
    Set-Content ./outcome.txt "Passed: $said"
}
catch {
    Set-Content ./outcome.txt "Failed: $_`n$($_.ScriptStackTrace)"
}
'@

# .NET's rule that memory is not written and run at once ends it under Wine. PowerShell wants a console, which script has.
$environment = @{
    WINEPREFIX                   = Join-Path $Folder prefix
    WINEDEBUG                    = '-all'
    DOTNET_EnableWriteXorExecute = '0'
    DOTNET_ROOT                  = "Z:$(Join-Path $Folder dotnet)" -replace '/', '\'
    PSModulePath                 = "Z:$(Join-Path $Folder modules)" -replace '/', '\'
    POWERSHELL_TELEMETRY_OPTOUT  = '1'
}
$before = @{}
try {
    foreach ($name in $environment.Keys) {
        $before[$name] = [System.Environment]::GetEnvironmentVariable($name)
        [System.Environment]::SetEnvironmentVariable($name, $environment[$name])
    }

    if (-not (Test-Path -LiteralPath $environment.WINEPREFIX)) {
        $null = Invoke-Native $Wine wineboot '-i'
        $null = Invoke-Native $Wine winecfg -v win10
    }

    $shell = "'$Wine' '$(Join-Path $Folder pwsh/pwsh.exe)' -NoProfile -NonInteractive -File 'Z:$work/smoke.ps1'"
    script -qec $shell /dev/null | Out-Null
}
finally {
    foreach ($name in $before.Keys) {
        [System.Environment]::SetEnvironmentVariable($name, $before[$name])
    }
}

$outcome = Join-Path $work outcome.txt
$said = if (Test-Path -LiteralPath $outcome) { Get-Content $outcome -Raw } else { 'Failed: PowerShell ended without a word.' }
if ($said -notlike 'Passed*') {
    throw $said
}

$said.TrimEnd()
