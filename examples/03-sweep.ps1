#Requires -Version 7.6
<#
.SYNOPSIS
    Finds out what to adapt, and how: an ablation of blocks, then a halved grid on the blocks that did best.

.DESCRIPTION
    The points of the first sweep adapt the last block, the last two and the last three: block 0 is below all of them, so what it computes is computed
    once for each row. Those of the second are twelve, of which each has a quarter of the steps and three go on.

    In a checkout ./build.ps1 builds the module first.
#>
[CmdletBinding()]
param(
    # Where the sweeps are kept; the script begins them anew.
    [string] $OutputPath = (Join-Path ([IO.Path]::GetTempPath()) lora-sweep)
)

$ErrorActionPreference = 'Stop'
Import-Module "$PSScriptRoot/../Lora.psd1"
$model = Join-Path $PSScriptRoot model
$run = @{
    Dataset           = "$PSScriptRoot/data/animal-notes.train.jsonl"
    ValidationDataset = "$PSScriptRoot/data/animal-notes.validation.jsonl"
    MaxStep           = 16
    Force             = $true
}

# How deep has it to go? A configuration a point.
$depth = 3, 2, 1 |
    ForEach-Object { Get-LoraModule $model -Layer ($_..3) -Include '*_proj' | New-LoraConfig -Rank 4 } |
    Invoke-LoraSweep @run -LearningRate 5e-3 -OutputPath $OutputPath/depth
$depth | Sort-Object Loss | Format-Table Config, Loss, Token, Elapsed

# Which rank and which rate, there? Twelve points by halving.
$best = $depth | Sort-Object Loss | Select-Object -First 1
$grid = @{ Rank = 2, 4, 8; LearningRate = 1e-3, 2e-3, 5e-3, 1e-2 }
$points = Invoke-LoraSweep -Config $best.Config -Grid $grid -Halving @run -OutputPath $OutputPath/grid
$points | Format-Table

# The winner is an adapter as any other.
$winner = $points | Where-Object Outcome -EQ Completed | Sort-Object Loss | Select-Object -First 1
$winner | Export-LoraAdapter $OutputPath/best -Force
"Best: rank $($winner.Parameter.Rank) at $($winner.Parameter.LearningRate), loss $($winner.Loss.ToString('F3'))"
