# What the first user of a package with libtorch does, in the current folder, in a shell that finds no other Lora. It says what came of it, or throws.
$ErrorActionPreference = 'Stop'
$examples = Join-Path (Get-Module Lora -ListAvailable).ModuleBase examples
$rows = Join-Path $examples data/animal-notes.train.jsonl

$config = Get-LoraModule $examples/model -Include '*_proj' | New-LoraConfig -Rank 8
$result = $config | Invoke-LoraTraining -Dataset $rows -MaxStep 20 -BatchSize 4 -LearningRate 5e-3 -OutputPath ./adapter
$losses = $result.History.Loss
if ($losses[-1] -gt 0.6 * $losses[0]) {
    throw "The loss went from $($losses[0]) to $($losses[-1])."
}

# The second export puts its files where the first one's are.
$null = Export-LoraModel ./merged -Adapter ./adapter
$null = Export-LoraModel ./merged -Adapter ./adapter -Force
$prompt = @{ Prompt = 'The fox'; MaxToken = 8; Temperature = 0 }
$text = (Invoke-LoraGeneration @prompt -Model $examples/model -Adapter ./adapter).Text
$merged = (Invoke-LoraGeneration @prompt -Model ./merged).Text
if ($text -ne $merged) {
    throw "The adapter goes on '$text', and the merged model '$merged'."
}

# A reader that lets nobody write: what is there stays whole, and nothing else is left beside it.
$file = (Get-Item ./adapter/adapter_model.safetensors).FullName
$before = Get-ChildItem ./adapter | Get-FileHash
$reader = [System.IO.File]::Open($file, 'Open', 'Read', 'Read')
try {
    Export-LoraAdapter ./adapter -Adapter $result -Force
    throw 'An adapter was replaced that another program reads.'
}
catch {
    if ($_.FullyQualifiedErrorId -notlike 'LoraOutputFailed,*') {
        throw
    }
}
finally {
    $reader.Dispose()
}

if (Compare-Object $before (Get-ChildItem ./adapter | Get-FileHash) -Property Path, Hash) {
    throw 'An adapter that another program reads is no longer what it was.'
}

$deep = Join-Path . ('deep' * 30) ('deeper' * 25) ('deepest' * 20)
$null = Export-LoraAdapter $deep -Adapter ./adapter
"$($config.Module.Count) modules, loss $($losses[0].ToString('F3')) -> $($losses[-1].ToString('F3')), rank $((Get-LoraAdapter $deep).Rank), 'The fox$text'"
