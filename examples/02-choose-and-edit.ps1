#Requires -Version 7.6
<#
.SYNOPSIS
    Leaves two layers of the last block alone: before a training, by choosing, and afterwards, by editing the adapter.

.DESCRIPTION
    The model has the shape of Flux, a diffusion transformer, in a few values. What is wanted is proj_out and proj_mlp wherever they are, but
    not in the last block. Three ways lead to the same modules: the shell's own means on the list of modules, PEFT's lists in a configuration,
    and the editing of an adapter that was trained on more.

    In a checkout ./build.ps1 builds the module first.
#>
[CmdletBinding()]
param(
    # Where the edited adapter is written.
    [string] $OutputPath = (Join-Path ([IO.Path]::GetTempPath()) lora-example-edit)
)

$ErrorActionPreference = 'Stop'
Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
$model = Join-Path $PSScriptRoot flux
$adapter = Join-Path $PSScriptRoot flux/adapter

# The number of the last block with one stream.
$last = (Get-LoraModule $model -Include 'single_transformer_blocks.**' | Measure-Object Layer -Maximum).Maximum

# 1. Chosen before training, as objects.
$chosen = Get-LoraModule $model -Include proj_out, proj_mlp -Exclude "single_transformer_blocks.$last.**" | New-LoraConfig -Rank 2

# 2. The same by PEFT's own lists.
$listed = New-LoraConfig proj_out, proj_mlp -ExcludeModule "$last.proj_out", "$last.proj_mlp" -Model $model -Rank 2

# 3. Cut out of an adapter that was trained on attention too.
$edit = Get-LoraAdapter $adapter | Edit-LoraAdapter -Include proj_out, proj_mlp -Exclude "single_transformer_blocks.$last.**"
$edit | Export-LoraAdapter $OutputPath -Force

[pscustomobject]@{
    Chosen = @(Test-LoraTarget $chosen -Model $model | Where-Object Targeted | ForEach-Object Name)
    Listed = @(Test-LoraTarget $listed -Model $model | Where-Object Targeted | ForEach-Object Name)
    Cut    = @((Get-LoraAdapter $OutputPath).Module | ForEach-Object Name)
    Loaded = @(Test-LoraTarget $OutputPath -Model $model | Where-Object Targeted | ForEach-Object Name)
    Edit   = $edit
}
