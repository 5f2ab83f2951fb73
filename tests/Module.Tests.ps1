#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    $manifest = Join-Path $PSScriptRoot '../Lora.psd1'
    Import-Module $manifest -Force
    $module = Get-Module -Name Lora
}

Describe 'The module Lora' {
    It 'has a manifest without faults' {
        { Test-ModuleManifest -Path $manifest -ErrorAction Stop } | Should -Not -Throw
    }

    It 'exports cmdlets and nothing else' {
        $module.ExportedCmdlets.Count | Should -BeGreaterThan 0
        $module.ExportedFunctions.Count | Should -Be 0
        $module.ExportedAliases.Count | Should -Be 0
        $module.ExportedVariables.Count | Should -Be 0
    }

    It 'names its cmdlets with approved verbs' {
        $approved = (Get-Verb).Verb
        foreach ($command in $module.ExportedCmdlets.Values) {
            $approved | Should -Contain $command.Verb
        }
    }

    It 'has the version that the changelog begins with' {
        $latest = Select-String -Path (Join-Path $PSScriptRoot '../CHANGELOG.md') -Pattern '^## (\d+\.\d+\.\d+)' | Select-Object -First 1
        $latest.Matches[0].Groups[1].Value | Should -Be $module.Version.ToString()
    }

    It 'leaves preferences, location and environment as they are' {
        $snapshot = {
            Get-Variable *Preference | ForEach-Object { "$($_.Name)=$($_.Value)" }
            Get-ChildItem Env: | ForEach-Object { "$($_.Name)=$($_.Value)" }
            Get-Location
        }
        $before = & $snapshot | Out-String
        Import-Module $manifest -Force
        & $snapshot | Out-String | Should -Be $before
    }

    It 'can be imported again and removed' {
        { Import-Module $manifest -Force } | Should -Not -Throw
        { Remove-Module -Name Lora } | Should -Not -Throw
        { Import-Module $manifest } | Should -Not -Throw
    }

    It 'makes its types known at once' {
        [Lora.LoraConfig]::new().Rank | Should -Be 16
    }

    It 'has a file of Pester tests for every cmdlet' {
        foreach ($name in $module.ExportedCmdlets.Keys) {
            Join-Path $PSScriptRoot "$name.Tests.ps1" | Should -Exist
        }
    }
}
