# What build.ps1 packs, and how it is checked and signed.

$moduleFiles = @(
    'Lora.psd1', 'Lora.psm1', 'Lora.Format.ps1xml', 'Lora.Types.psd1', 'Lora.Types.ps1xml', 'LICENSE', 'THIRD-PARTY-NOTICES.txt', 'CHANGELOG.md',
    'en-US/Lora.dll-Help.xml', 'en-US/about_Lora.help.txt'
)

# AttachToOwnModel is a program for a checkout: it is built with the engine's project.
$exampleFiles = '^examples/(\d\d-[\w-]+\.ps1|(data|model|flux)/.+)$'

# The Gallery's limit for one package.
$mostBytes = 250MB

$root = Split-Path $PSScriptRoot

# The module's folder, made anew: its own files and the examples, and what a script block lays out in the bin that it is given.
function New-PackageFolder {
    [Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSUseShouldProcessForStateChangingFunctions', '', Justification = 'build.ps1 asks, for a whole step.')]
    param([string] $Folder, [scriptblock] $Bin)

    if (Test-Path -LiteralPath $Folder) {
        Remove-Item -LiteralPath $Folder -Recurse
    }

    & $Bin (Join-Path $Folder bin) | Out-Host
    $examples = (Get-ChildItem -LiteralPath (Join-Path $root examples) -Recurse -File).FullName |
        ForEach-Object { [System.IO.Path]::GetRelativePath($root, $_) -replace '\\', '/' } |
        Where-Object { $_ -match $exampleFiles }
    foreach ($file in $moduleFiles + $examples) {
        $target = Join-Path $Folder $file
        $null = New-Item -ItemType Directory (Split-Path $target) -Force
        Copy-Item -LiteralPath (Join-Path $root $file) -Destination $target
    }

    $Folder
}

# The module's assemblies and those that it depends on, which are the same for all platforms.
function Copy-ManagedCode {
    param([string] $Source, [string] $Destination)

    if (-not (Test-Path -LiteralPath (Join-Path $Source Lora.dll))) {
        throw "'$Source' holds no module: ./build.ps1 lays it out."
    }

    $null = New-Item -ItemType Directory (Join-Path $Destination deps)
    Copy-Item (Join-Path $Source Lora*.dll), (Join-Path $Source Lora*.pdb) -Destination $Destination
    Get-ChildItem (Join-Path $Source deps) -Filter *.dll | Where-Object { Test-ManagedCode $_ } | Copy-Item -Destination (Join-Path $Destination deps)
}

function Test-ManagedCode {
    param([System.IO.FileInfo] $File)

    try {
        $null = [System.Reflection.AssemblyName]::GetAssemblyName($File.FullName)
        $true
    }
    catch [System.BadImageFormatException] {
        $false
    }
}

# Everything that belongs into the package is there, and nothing else. The build has looked for the libraries of the platform and the backend.
function Confirm-Package {
    # Dependency: how the names in bin/deps end.
    param([string] $Folder, [string] $Dependency)

    $needed = $moduleFiles + @(
        'bin/Lora.dll', 'bin/Lora.Engine.dll', 'bin/deps/TorchSharp.dll', 'examples/01-first-adapter.ps1', 'examples/model/model.safetensors'
    )
    $allowed = '^bin/(Lora|Lora\.Engine)\.(dll|pdb)$', "^bin/deps/[^/]+$Dependency`$", $exampleFiles -join '|'

    $found = (Get-ChildItem -LiteralPath $Folder -Recurse -File -Name) -replace '\\', '/'
    $missing = @($needed | Where-Object { $_ -notin $found })
    $stray = @($found | Where-Object { $_ -notin $moduleFiles -and $_ -notmatch $allowed })
    if ($missing -or $stray) {
        throw "The package lacks '$($missing -join "', '")' and should not have '$($stray -join "', '")'."
    }

    $null = Test-ModuleManifest -Path (Join-Path $Folder Lora.psd1)
}

function Confirm-PackageSize {
    param([System.IO.FileInfo] $File)

    if ($File.Length -gt $mostBytes) {
        throw "'$($File.Name)' has $([int]($File.Length / 1MB)) MB, and $($mostBytes / 1MB) MB is the most that the Gallery takes."
    }
}

# Signs the scripts and the assemblies, if there is something to do it with. Assemblies that their own makers have signed keep that signature.
function Protect-Package {
    param(
        [string] $Folder,
        [System.Security.Cryptography.X509Certificates.X509Certificate2] $Certificate,
        [scriptblock] $SignCommand
    )

    $files = (Get-ChildItem -LiteralPath $Folder -Recurse -File -Include *.ps1, *.psm1, *.psd1, *.ps1xml, *.dll).FullName
    if ($SignCommand) {
        & $SignCommand $files
    }

    if ($Certificate) {
        if (-not (Get-Command Set-AuthenticodeSignature -ErrorAction Ignore)) {
            throw 'Set-AuthenticodeSignature is a command of Windows: sign with -SignCommand here.'
        }

        $unsigned = $files | Where-Object { (Get-AuthenticodeSignature -LiteralPath $_).Status -eq 'NotSigned' }
        $failed = @($unsigned | ForEach-Object { Set-AuthenticodeSignature -LiteralPath $_ -Certificate $Certificate -HashAlgorithm SHA256 } | Where-Object Status -NE Valid)
        if ($failed) {
            throw "Not signed: $(@($failed | ForEach-Object { "'$($_.Path)' ($($_.StatusMessage))" }) -join ', ')."
        }
    }
}
