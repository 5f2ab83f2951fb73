#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
    $all = Get-LoraModule $model -Include *_proj | New-LoraConfig -Rank 8
}

Describe 'Compare-LoraConfig' {
    It 'finds no difference between a configuration and itself' {
        $comparison = Compare-LoraConfig $all $all
        $comparison.Difference | Should -BeNullOrEmpty
        $comparison.ReferenceParameter | Should -Be $comparison.DifferenceParameter
    }

    It 'names the modules that only one of the two adapts' {
        $some = Get-LoraModule $model -Include *_proj | New-LoraConfig -Rank 8 -Exclude '**.3.mlp.**'
        $comparison = $some | Compare-LoraConfig $all
        $comparison.Difference.SideIndicator | Should -Be '<=', '<=', '<='
        $comparison.DifferenceByte | Should -BeLessThan $comparison.ReferenceByte
    }

    It 'names the modules that both adapt with another rank' {
        $wider = Get-LoraModule $model -Include *_proj | New-LoraConfig -Rank 16
        $comparison = Compare-LoraConfig $all $wider
        $comparison.Difference.SideIndicator | Should -Contain '<>'
        $comparison.DifferenceParameter | Should -Be (2 * $comparison.ReferenceParameter)
    }

    It 'needs to know the model' {
        $q = New-LoraConfig -TargetModule q_proj
        { Compare-LoraConfig $q $q } | Should -Throw -ErrorId 'LoraModelNotKnown,Lora.Commands.CompareLoraConfigCommand'
        { Compare-LoraConfig $q $q -Model $model } | Should -Not -Throw
    }
}
