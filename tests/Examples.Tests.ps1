#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

Describe 'The first example' {
    BeforeAll {
        Push-Location $TestDrive
        try {
            $said = & (Join-Path $PSScriptRoot '../examples/01-first-adapter.ps1') -OutputPath ./adapter | Out-String
        }
        finally {
            Pop-Location
        }
    }

    It 'writes the adapter where it was called from' {
        'TestDrive:/adapter/adapter_model.safetensors' | Should -Exist
    }

    It 'learns its task' {
        $said | Should -Match 'Adapted model: +Note: fox\.'
        $said | Should -Match 'Evaluation before: loss 7'
        $said | Should -Match 'Evaluation after:  loss 0'
    }
}
