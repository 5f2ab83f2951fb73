# Core commands only: the module is imported by pwsh and by a bare hosted engine alike.
$cmdlets = [System.IO.Path]::Combine($PSScriptRoot, 'bin', 'Lora.dll')
if (-not [System.IO.File]::Exists($cmdlets)) {
    throw [System.IO.FileNotFoundException]::new("The Lora module has not been built: '$cmdlets' is missing. Run './build.ps1' in '$PSScriptRoot'.", $cmdlets)
}

Import-Module -Name $cmdlets
Import-Module -Name ([System.IO.Path]::Combine($PSScriptRoot, 'Lora.Types.psd1'))
