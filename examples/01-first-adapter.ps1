#Requires -Version 7.6
<#
.SYNOPSIS
    From a model folder to an adapter that chats: look at the data, choose modules, train, export, and see what was learned.
#>
[CmdletBinding()]
param(
    # Where the adapter goes.
    [string] $OutputPath = (Join-Path ([IO.Path]::GetTempPath()) lora-first-adapter)
)

$ErrorActionPreference = 'Stop'
Import-Module "$PSScriptRoot/../Lora.psd1"

$data = @{
    Dataset           = "$PSScriptRoot/data/animal-chats.train.jsonl"
    ValidationDataset = "$PSScriptRoot/data/animal-chats.validation.jsonl"
    ChatTemplate      = 'alpaca' # the model has none of its own
}
'The data as the model sees it; what is learned is marked:'
Test-LoraDataset @data -Model $PSScriptRoot/model | Select-Object -First 3 | Format-Table
if (-not (Test-LoraDataset @data -Model $PSScriptRoot/model -Quiet)) {
    throw 'Something is wrong with the data: ... | Where-Object Problem says what.'
}

'The modules of the model that LoRA can adapt, read from the headers alone:'
Get-LoraModule $PSScriptRoot/model | Format-Table

# Every projection but those of the last layer's MLP.
$config = Get-LoraModule $PSScriptRoot/model |
    Where-Object Name -Like '*_proj' |
    New-LoraConfig -Rank 8 -Alpha 16 -Exclude '**.3.mlp.**'

$training = @{
    Epoch        = 4
    BatchSize    = 4
    LearningRate = 5e-3
    Prompt       = 'Where does the fox sleep?'
}
$result = $config | Invoke-LoraTraining @data @training
$result | Export-LoraAdapter $OutputPath -Force

''
"Trained:           $($result.TrainableParameter) values in $($result.ModuleCount) modules, $($result.History.Count) steps"
"Speed:             $([int]$result.TokenPerSecond) tokens/s on $($result.Device)"
"Evaluation before: $($result.Before)"
"Evaluation after:  $($result.After)"
''
"Prompt:            $($result.Sample[0].Prompt)"
"Base model:       $($result.Sample[0].Base)"
"Adapted model:    $($result.Sample[0].Adapted)"
''
"The adapter is in '$OutputPath':"
Get-ChildItem $OutputPath | ForEach-Object { "  $($_.Name)" }
