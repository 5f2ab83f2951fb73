#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
    $config = New-LoraConfig -TargetModule q_proj, v_proj -ExcludeModule layers.0.self_attn.q_proj
}

Describe 'Test-LoraTarget' {
    It 'tells for every module of a model whether it is adapted' {
        $targets = Test-LoraTarget $config -Model $model
        $targets | Should -HaveCount (Get-LoraModule $model -All).Count
        @($targets | Where-Object Targeted) | Should -HaveCount 7
    }

    It 'tells of the piped modules only, in their order' {
        $targets = Get-LoraModule $model -Include q_proj | Test-LoraTarget $config
        $targets.Targeted | Should -Be $false, $true, $true, $true
    }

    It 'names the entry that decided' {
        $target = Get-LoraModule $model -Include '**.1.self_attn.q_proj' | Test-LoraTarget $config
        $target.Reason | Should -Match 'q_proj'
        $target.Rank | Should -Be 16
    }

    It 'counts what each entry hits' {
        $entries = Test-LoraTarget $config -Model $model -Entry
        ($entries | Where-Object Entry -EQ v_proj).Hits | Should -Be 4
    }

    It 'answers with true or false' {
        if (Get-LoraModule $model -Include o_proj | Test-LoraTarget $config -Quiet) { throw 'No o_proj is adapted.' }
        Test-LoraTarget $config -Model $model -Quiet | Should -BeExactly $true
        Test-LoraTarget (New-LoraConfig -TargetModule none) -Model $model -Quiet -WarningAction Ignore | Should -BeExactly $false
    }

    It 'warns of an entry that hits nothing' {
        $null = Test-LoraTarget (New-LoraConfig -TargetModule q_proj, q_prj) -Model $model -WarningAction SilentlyContinue -WarningVariable warnings
        $warnings[0].Message | Should -Match 'q_prj'
    }

    It 'refuses a model that is not there' {
        { Test-LoraTarget $config -Model ./missing } | Should -Throw -ErrorId 'LoraPathNotFound,Lora.Commands.TestLoraTargetCommand'
    }

    It 'passes nothing over that is easily meant otherwise' {
        $config = New-LoraConfig -TargetPattern '.*layers\.[1-20]\.self_attn\.q_proj|v_proj' -ExcludePattern '.*mlp.*'
        $null = Test-LoraTarget $config -Model $model -WarningVariable said -WarningAction SilentlyContinue
        "$said" | Should -Match 'is one of the characters 0, 1, 2 and no range of numbers'
        "$said" | Should -Match "the alternative 'v_proj' matches nothing"
        "$said" | Should -Match 'excludes only what no target matches'
    }
}
