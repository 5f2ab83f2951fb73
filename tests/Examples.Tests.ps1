#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    # Other programs on the machine do not count.
    function Get-ProcessorSecond { (Get-Process -Id $PID).TotalProcessorTime.TotalSeconds }
    $twoMinutes = 120
}

Describe 'The first example' {
    BeforeAll {
        $begun = Get-ProcessorSecond
        Push-Location $TestDrive
        try {
            $said = & (Join-Path $PSScriptRoot '../examples/01-first-adapter.ps1') -OutputPath ./adapter | Out-String
        }
        finally {
            Pop-Location
        }
        $seconds = (Get-ProcessorSecond) - $begun
    }

    It 'shows the data first' {
        $said | Should -Match 'Row +TokenCount +Text'
    }

    It 'writes the adapter where it was called from' {
        'TestDrive:/adapter/adapter_model.safetensors' | Should -Exist
    }

    It 'learns its task' {
        $said | Should -Match 'Adapted model: +The fox sleeps in a den\.'
        $said | Should -Match 'Evaluation before: loss 6'
        $said | Should -Match 'Evaluation after:  loss 0'
    }

    It 'takes less than two minutes' {
        $seconds | Should -BeLessThan $twoMinutes
    }
}

Describe 'The example that chooses and edits' {
    BeforeAll {
        $begun = Get-ProcessorSecond
        $outcome = & (Join-Path $PSScriptRoot '../examples/02-choose-and-edit.ps1') -OutputPath 'TestDrive:/cut'
        $seconds = (Get-ProcessorSecond) - $begun
        $expected = @(
            0, 1 | ForEach-Object { "single_transformer_blocks.$_.proj_mlp", "single_transformer_blocks.$_.proj_out" }
            'proj_out'
        ) | Sort-Object
    }

    It 'means the same modules <_>' -ForEach Chosen, Listed, Cut, Loaded {
        $outcome.$_ | Sort-Object | Should -Be $expected
    }

    It 'says what each module keeps' {
        $outcome.Edit.Module | Where-Object Rank | ForEach-Object Retained | Should -Be (@(1) * 5)
        $outcome.Edit.LeftOutCount | Should -Be 17
    }

    It 'takes less than two minutes' {
        $seconds | Should -BeLessThan $twoMinutes
    }
}

Describe 'The example that sweeps' {
    BeforeAll {
        $begun = Get-ProcessorSecond
        $said = & (Join-Path $PSScriptRoot '../examples/03-sweep.ps1') -OutputPath (Join-Path $TestDrive sweeps) | Out-String -Width 120
        $seconds = (Get-ProcessorSecond) - $begun
    }

    It 'shows both sweeps' {
        $said | Should -Match '21 modules'
        $said | Should -Match 'Rung +Step +Loss +Perplexity +Name'
    }

    It 'keeps every point and writes the best' {
        (Get-ChildItem 'TestDrive:/sweeps/grid' -Directory).Count | Should -Be 12
        $said | Should -Match 'Best: rank \d at 0\.0\d+, loss [0-3]\.\d{3}'
        'TestDrive:/sweeps/best/adapter_model.safetensors' | Should -Exist
    }

    It 'takes less than two minutes' {
        $seconds | Should -BeLessThan $twoMinutes
    }
}
