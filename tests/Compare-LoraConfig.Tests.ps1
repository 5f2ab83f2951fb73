#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
    $all = Get-LoraModule $model -Include *_proj | New-LoraConfig -Rank 8
}

Describe 'Compare-LoraConfig' {
    It 'gives nothing for a configuration and itself' {
        Compare-LoraConfig $all $all | Should -BeNullOrEmpty
        $summary = Compare-LoraConfig $all $all -Summary
        $summary.DifferenceCount | Should -Be 0
        $summary.ReferenceParameter | Should -Be $summary.DifferenceParameter
    }

    It 'names the modules that only one of the two adapts' {
        $some = Get-LoraModule $model -Include *_proj | New-LoraConfig -Rank 8 -Exclude '**.3.mlp.**'
        ($some | Compare-LoraConfig $all).SideIndicator | Should -Be '<=', '<=', '<='
        $summary = $some | Compare-LoraConfig $all -Summary
        $summary.DifferenceByte | Should -BeLessThan $summary.ReferenceByte
    }

    It 'names the modules that both adapt with another rank' {
        $wider = Get-LoraModule $model -Include *_proj | New-LoraConfig -Rank 16
        $differences = Compare-LoraConfig $all $wider
        $differences.SideIndicator | Should -Contain '<>'
        $differences[0].ReferenceRank | Should -Be 8
        $differences[0].DifferenceRank | Should -Be 16
        $summary = Compare-LoraConfig $all $wider -Summary
        $summary.DifferenceParameter | Should -Be (2 * $summary.ReferenceParameter)
    }

    It 'gives one difference after another, of which some are enough' {
        $q = New-LoraConfig -Model $model -TargetModule q_proj
        Compare-LoraConfig $all $q | Select-Object -First 1 | Should -BeOfType [Lora.LoraConfigDifference]
    }

    It 'says in a verbose line what it comes to' {
        $said = Compare-LoraConfig $all $all -Verbose 4>&1
        "$said" | Should -Be '0 modules differ, 28 are equal; 74,752 and 74,752 values are trained.'
    }

    It 'needs to know the model' {
        $q = New-LoraConfig -TargetModule q_proj
        { Compare-LoraConfig $q $q } | Should -Throw -ErrorId 'LoraModelNotKnown,Lora.Commands.CompareLoraConfigCommand'
        { Compare-LoraConfig $q $q -Model $model } | Should -Not -Throw
    }
}
