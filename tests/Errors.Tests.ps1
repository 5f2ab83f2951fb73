#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeDiscovery {
    $mistakes = @(
        @{ Cmdlet = 'Install-LoraModel'; Id = 'LoraHubNameInvalid'; Mistake = { Install-LoraModel ./missing } }
        @{ Cmdlet = 'Get-LoraModule'; Id = 'LoraPathNotFound'; Mistake = { Get-LoraModule ./missing } }
        @{ Cmdlet = 'Get-LoraModule'; Id = 'LoraPatternInvalid'; Mistake = { Get-LoraModule $model -Include '[qk]_proj' } }
        @{ Cmdlet = 'Get-LoraAdapter'; Id = 'LoraPathNotFound'; Mistake = { Get-LoraAdapter ./missing } }
        @{ Cmdlet = 'New-LoraConfig'; Id = 'LoraTargetNotFound'; Mistake = { New-LoraConfig -Model $model -TargetModule q_prj } }
        @{ Cmdlet = 'New-LoraConfig'; Id = 'LoraConfigConflict'; Mistake = { New-LoraConfig -TargetModule q_proj -TargetPattern all-linear } }
        @{ Cmdlet = 'Test-LoraTarget'; Id = 'LoraPathNotFound'; Mistake = { Test-LoraTarget $config -Model ./missing } }
        @{ Cmdlet = 'Compare-LoraConfig'; Id = 'LoraPathNotFound'; Mistake = { Compare-LoraConfig $config $config -Model ./missing } }
        @{ Cmdlet = 'Invoke-LoraTraining'; Id = 'LoraPathNotFound'; Mistake = { $config | Invoke-LoraTraining -Model $model -Dataset ./missing.jsonl } }
        @{ Cmdlet = 'Invoke-LoraTraining'; Id = 'LoraModelNotKnown'; Mistake = { $config | Invoke-LoraTraining -Dataset $dataset } }
        @{ Cmdlet = 'Invoke-LoraTraining'; Id = 'LoraDeviceUnavailable'; Mistake = { $config | Invoke-LoraTraining -Model $model -Dataset $dataset -Device cuda:99 } }
        @{ Cmdlet = 'Invoke-LoraSweep'; Id = 'LoraSweepPointNotGiven'; Mistake = { Invoke-LoraSweep -Model $model -Dataset $dataset } }
        @{ Cmdlet = 'Invoke-LoraSweep'; Id = 'LoraSweepPointRepeated'; Mistake = { Invoke-LoraSweep -Model $model -Dataset $dataset -Grid @{ Rank = 4, 4 } } }
        @{ Cmdlet = 'Measure-LoraAdapter'; Id = 'LoraPathNotFound'; Mistake = { './missing' | Measure-LoraAdapter -Model $model -Dataset $dataset } }
        @{ Cmdlet = 'Merge-LoraAdapter'; Id = 'LoraPathNotFound'; Mistake = { Merge-LoraAdapter ./missing } }
        @{ Cmdlet = 'Compare-LoraAdapter'; Id = 'LoraPathNotFound'; Mistake = { Compare-LoraAdapter $result ./missing } }
        @{ Cmdlet = 'Edit-LoraAdapter'; Id = 'LoraEditRefused'; Mistake = { Edit-LoraAdapter $result -Exclude '**.9.**' } }
        @{ Cmdlet = 'Export-LoraAdapter'; Id = 'LoraOutputHasWildcard'; Mistake = { $result | Export-LoraAdapter 'TestDrive:/a*' } }
        @{ Cmdlet = 'Publish-LoraAdapter'; Id = 'LoraHubNameInvalid'; Mistake = { Publish-LoraAdapter $result -Repository ../up } }
        @{ Cmdlet = 'Export-LoraModel'; Id = 'LoraMergeRefused'; Mistake = { $result | Export-LoraModel $model -Force } }
    )
}

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
    $dataset = Join-Path $PSScriptRoot '../examples/data/animal-notes.train.jsonl'
    $config = New-LoraConfig -TargetModule q_proj -Rank 2
    $result = $config | Invoke-LoraTraining -Model $model -Dataset $dataset -MaxStep 1
}

Describe 'A mistake' {
    It 'with <Cmdlet> is <Id>, with a category, what is meant, and what to do' -ForEach $mistakes {
        $ErrorActionPreference = 'Stop'
        $failure = try { $null = & $Mistake } catch { $_ }
        $failure.FullyQualifiedErrorId | Should -Be "$Id,Lora.Commands.$($Cmdlet -replace '-')Command"
        $failure.CategoryInfo.Category | Should -Not -Be 'NotSpecified'
        $failure.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        $failure.InvocationInfo.MyCommand.Name | Should -Be $Cmdlet
    }
}
