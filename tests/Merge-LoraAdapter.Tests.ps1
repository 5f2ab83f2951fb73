#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
    $dataset = Join-Path $PSScriptRoot '../examples/data/animal-notes.train.jsonl'
    foreach ($rank in 2, 4) {
        New-LoraConfig -Model $model -TargetModule q_proj -Rank $rank |
            Invoke-LoraTraining -Dataset $dataset -MaxStep 1 |
            Export-LoraAdapter "TestDrive:/rank$rank"
    }
}

Describe 'Merge-LoraAdapter' {
    It 'gives one adapter of the summed rank' {
        $adapter = Merge-LoraAdapter 'TestDrive:/rank2', 'TestDrive:/rank4' -Weight 0.7, 0.3
        $adapter | Should -BeOfType [Lora.LoraAdapter]
        $adapter.Config.Rank | Should -Be 6
    }

    It 'takes folders from the pipeline' {
        (Get-ChildItem 'TestDrive:/rank*' | Merge-LoraAdapter).Config.Rank | Should -Be 6
        (Get-LoraAdapter 'TestDrive:/rank*' | Merge-LoraAdapter -Method Svd -Rank 3).Config.Rank | Should -Be 3
    }

    It 'gives what Export-LoraAdapter writes' {
        Merge-LoraAdapter 'TestDrive:/rank*' -Method DareLinearSvd -Density 0.5 -Seed 7 | Export-LoraAdapter 'TestDrive:/merged'
        (Get-LoraAdapter 'TestDrive:/merged').Rank | Should -Be 4
    }

    It 'refuses what the method cannot do' {
        { Merge-LoraAdapter 'TestDrive:/rank*' -Method Ties -Density 0.5 } |
            Should -Throw -ErrorId 'LoraCombinationRefused,Lora.Commands.MergeLoraAdapterCommand'
    }

    It 'leaves no adapter out in silence' {
        { Merge-LoraAdapter 'TestDrive:/rank2', 'TestDrive:/nowhere' } |
            Should -Throw -ErrorId 'LoraPathNotFound,Lora.Commands.MergeLoraAdapterCommand'
    }
}
