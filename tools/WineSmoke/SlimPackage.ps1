# What the first user of the package for the Gallery does, which comes without libtorch. It says what came of it, or throws.
param(
    # The folder of packages that libtorch is installed from.
    [string] $Source
)

$ErrorActionPreference = 'Stop'
$examples = Join-Path (Get-Module Lora -ListAvailable).ModuleBase examples
$rows = Join-Path $examples data/animal-notes.train.jsonl
$config = Get-LoraModule $examples/model -Include '*_proj' | New-LoraConfig -Rank 8

function Get-Failure {
    (Test-LoraHost | Where-Object Status -EQ Fail).Name -join ', '
}

$failures = Get-Failure
if ($failures -ne 'Runtime') {
    throw "Without libtorch Test-LoraHost finds fault with '$failures'."
}

try {
    $null = $config | Invoke-LoraTraining -Dataset $rows -MaxStep 1
    throw 'There is a libtorch already.'
}
catch {
    if ($_.FullyQualifiedErrorId -notlike 'LoraRuntimeNotInstalled,*') {
        throw
    }
}

$runtime = Install-LoraRuntime -Source $Source -PassThru
$failures = Get-Failure
if ($failures) {
    throw "With libtorch Test-LoraHost finds fault with '$failures'."
}

$result = $config | Invoke-LoraTraining -Dataset $rows -MaxStep 2 -OutputPath ./slim
$loaded = [System.Diagnostics.Process]::GetCurrentProcess().Modules | Where-Object ModuleName -EQ torch_cpu.dll
if ((Split-Path $loaded.FileName) -ne $runtime.Path -or $result.History.Count -ne 2) {
    throw "$($result.History.Count) of 2 steps, with '$($loaded.FileName)'."
}

"libtorch of $($runtime.Size.ToString('N0')) bytes in $($runtime.Path), loss $($result.History[-1].Loss.ToString('F3'))"
