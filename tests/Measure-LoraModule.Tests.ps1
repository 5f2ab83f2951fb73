#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
    $dataset = Join-Path $PSScriptRoot '../examples/data/animal-notes.train.jsonl'
    $modules = Get-LoraModule $model -Include *_proj
}

Describe 'Measure-LoraModule' {
    It 'gives the same modules in the same order with the scores of their weights' {
        $scored = $modules | Measure-LoraModule
        $scored.Name | Should -Be $modules.Name
        $scored | Should -BeOfType Lora.LoraModuleInfo
        foreach ($score in 'Norm', 'ConditionNumber', 'SignalToNoise', 'EffectiveRank') {
            $scored.$score | Should -Not -Contain $null
        }
        $scored.Gradient | Should -Be (@($null) * $modules.Count)
        $modules[0].Norm | Should -BeNullOrEmpty
    }

    It 'takes the scores of rows with a dataset, so that the choice is a run' {
        $result = $modules | Measure-LoraModule $dataset -Sample 4 | Sort-Object Gradient -Descending | Select-Object -First 3 |
            New-LoraConfig -Rank 2 | Invoke-LoraTraining -Dataset $dataset -MaxStep 1
        $result.ModuleCount | Should -Be 3
    }

    It 'keeps what was taken before' {
        $scored = $modules | Select-Object -First 2 | Measure-LoraModule -Score Norm | Measure-LoraModule $dataset -Sample 2 -Score Activation
        $scored[0].Norm | Should -BeGreaterThan 0
        $scored[0].Activation | Should -BeGreaterThan 0
        $scored[0].Fisher | Should -BeNullOrEmpty
    }

    It 'takes rows as objects' {
        $rows = Get-Content $dataset -TotalCount 3 | ConvertFrom-Json
        $modules | Select-Object -First 1 | Measure-LoraModule -Row $rows | ForEach-Object Gradient | Should -BeGreaterThan 0
    }

    It 'shows the scores that were taken' {
        $modules | Select-Object -First 1 | Measure-LoraModule | Out-String | Should -Match 'ConditionNumber'
        $modules | Select-Object -First 1 | Measure-LoraModule $dataset -Sample 1 | Out-String | Should -Match 'Gradient\s+Fisher\s+Activation'
    }

    It 'shows one table where the first module has no score' {
        $shown = Get-LoraModule $model | Select-Object -First 3 | Measure-LoraModule $dataset -Sample 1 -WarningAction SilentlyContinue | Out-String
        $shown | Should -Match 'Gradient\s+Fisher\s+Activation'
        $shown | Should -Not -Match 'ConditionNumber|ParameterCount'
    }

    It 'warns of modules without a score and lets them pass' {
        $scored = Get-LoraModule $model -All | Where-Object Kind -EQ Norm | Measure-LoraModule -WarningVariable said -WarningAction SilentlyContinue
        $scored.Norm | Should -Be (@($null) * $scored.Count)
        $said | Should -Match "$($scored.Count) of $($scored.Count) modules have no score"
    }

    It 'asks for rows where a score is of rows' {
        { $modules | Measure-LoraModule -Score Fisher } | Should -Throw -ErrorId 'LoraDatasetNotGiven*'
    }
}

Describe 'New-LoraConfig -RankBudget' {
    BeforeAll {
        $scored = $modules | Measure-LoraModule $dataset -Sample 4
    }

    It 'spreads ranks that add up to it and leaves the scaling' {
        $targets = $scored | New-LoraConfig -Rank 8 -Alpha 16 -RankBudget 200 -RankBy Fisher | Test-LoraTarget | Where-Object Targeted
        ($targets | Measure-Object Rank -Sum).Sum | Should -Be 200
        $targets.Scaling | ForEach-Object { $_ | Should -BeIn 2 }
    }

    It 'needs scores' {
        { $modules | New-LoraConfig -RankBudget 200 } | Should -Throw -ErrorId 'LoraConfigValueInvalid*'
    }

    It 'needs piped modules' {
        { New-LoraConfig q_proj -RankBudget 200 } | Should -Throw -ErrorId 'LoraConfigConflict*'
    }
}
