#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
    $dataset = Join-Path $PSScriptRoot '../examples/data/animal-notes.train.jsonl'
    New-LoraConfig -Model $model -TargetModule q_proj -Rank 2 |
        Invoke-LoraTraining -Dataset $dataset -MaxStep 1 |
        Export-LoraAdapter 'TestDrive:/adapter'
}

Describe 'Get-LoraAdapter' {
    It 'tells rank, modules and size' {
        $adapter = Get-LoraAdapter 'TestDrive:/adapter'
        $adapter.Rank | Should -Be 2
        $adapter.Module | Should -HaveCount 4
        $adapter.Size | Should -BeGreaterThan (4 * $adapter.ParameterCount)
    }

    It 'reads norms with -Detailed only' {
        (Get-LoraAdapter 'TestDrive:/adapter').Module[0].Norm | Should -BeNullOrEmpty
        (Get-LoraAdapter 'TestDrive:/adapter' -Detailed).Module[0].Norm | Should -BeGreaterThan 0
    }

    It 'says with -Detailed where the change is, by module and by block' {
        $modules = (Get-LoraAdapter 'TestDrive:/adapter' -Detailed).Module
        $modules | ForEach-Object EffectiveRank | Should -BeLessOrEqual 2
        ($modules | Measure-Object Share -Sum).Sum | Should -BeGreaterThan 0.999
        $blocks = $modules | Group-Object Block
        $blocks | Should -HaveCount 4
        $blocks[3].Name | Should -Be 'model.layers.3'
    }

    It 'finds adapters by wildcards' {
        (Get-LoraAdapter 'TestDrive:/ada*').Rank | Should -Be 2
    }

    It 'goes on with the next folder after one that is no adapter' {
        $adapters = Get-LoraAdapter $model, 'TestDrive:/adapter' -ErrorAction SilentlyContinue -ErrorVariable failures
        $adapters | Should -HaveCount 1
        $failures[0].FullyQualifiedErrorId | Should -Be 'LoraNotAnAdapter,Lora.Commands.GetLoraAdapterCommand'
    }

    It 'lets training go on from it' {
        $result = Get-LoraAdapter 'TestDrive:/adapter' | Invoke-LoraTraining -Model $model -Dataset $dataset -MaxStep 1
        $result.Adapter.Config.Rank | Should -Be 2
    }
}
