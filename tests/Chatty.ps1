# The rows that an adapter needs to answer the questions of the tests: a tenth of the examples' chats, and a tenth of the time.
function Get-ChattyTraining {
    param([string] $Folder)

    $rows = Join-Path $Folder chatty.jsonl
    Get-Content (Join-Path $PSScriptRoot '../examples/data/animal-chats.train.jsonl') |
        Where-Object { $_ -match 'fox sleep|bear eat|owl sleep|bear live' } |
        Select-Object -First 16 |
        Set-Content $rows
    @{ Dataset = $rows; ChatTemplate = 'alpaca'; MaxStep = 30; BatchSize = 4; LearningRate = 5e-3 }
}
