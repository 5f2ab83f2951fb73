#Requires -Version 7.6
<#
.SYNOPSIS
    From a model folder to a trained adapter: list, choose, configure, train, export, and see what was learned.
#>
[CmdletBinding()]
param(
    # Where the adapter goes.
    [string] $OutputPath = (Join-Path ([IO.Path]::GetTempPath()) lora-first-adapter)
)

$ErrorActionPreference = 'Stop'
Import-Module "$PSScriptRoot/../Lora.psd1"

'The modules of the model that LoRA can adapt, read from the headers alone:'
Get-LoraModule $PSScriptRoot/model

# Every projection but those of the last layer's MLP.
$config = Get-LoraModule $PSScriptRoot/model |
    Where-Object Name -Like '*_proj' |
    New-LoraConfig -Rank 8 -Alpha 16 -Exclude '**.3.mlp.**'

$training = @{
    Dataset           = "$PSScriptRoot/data/animal-notes.train.jsonl"
    ValidationDataset = "$PSScriptRoot/data/animal-notes.validation.jsonl"
    Epoch             = 20
    BatchSize         = 4
    LearningRate      = 5e-3
    Prompt            = 'Tell me about the fox.'
    PromptToken       = 64
}
$result = $config | Invoke-LoraTraining @training
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
