#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeDiscovery {
    $names = (Import-PowerShellDataFile (Join-Path $PSScriptRoot '../Lora.psd1')).CmdletsToExport
}

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $common = [System.Management.Automation.Cmdlet]::CommonParameters + [System.Management.Automation.Cmdlet]::OptionalCommonParameters
}

Describe 'Help of <_>' -ForEach $names {
    BeforeAll {
        $help = Get-Help $_ -Full
        $command = Get-Command $_
    }

    It 'says what the cmdlet does, and more' {
        $help.Synopsis | Should -Match '^[A-Z][a-z]+s .*\.$'
        $help.Description.Text -join '' | Should -Not -BeNullOrEmpty
    }

    It 'describes every parameter' {
        $described = $help.parameters.parameter | Where-Object { $_.description.Text } | ForEach-Object name
        $command.Parameters.Keys | Where-Object { $_ -notin $common } | Sort-Object | Should -Be ($described | Where-Object { $_ -notin $common } | Sort-Object)
    }

    It 'has examples with remarks, which -Examples shows' {
        $help.examples.example.Count | Should -BeGreaterThan 1
        foreach ($example in $help.examples.example) {
            $example.code | Should -Not -BeNullOrEmpty
            $example.remarks.Text -join '' | Should -Not -BeNullOrEmpty
        }
        Get-Help $_ -Examples | Out-String | Should -Match 'Example 1'
    }

    It 'has an address of its own, where -Online leads' {
        $command.HelpUri | Should -BeLike "https://*/docs/en-US/$_.md"
        Join-Path $PSScriptRoot "../docs/en-US/$_.md" | Should -Exist
        $help.relatedLinks.navigationLink.uri | Should -Contain $command.HelpUri
    }

    It 'shows one parameter' {
        Get-Help $_ -Parameter ($command.Parameters.Keys | Where-Object { $_ -notin $common } | Select-Object -First 1) | Out-String | Should -Match 'Required\?'
    }
}

Describe 'Help of about_Lora' {
    It 'is a topic' {
        Get-Help about_Lora | Out-String | Should -Match 'SHORT DESCRIPTION'
    }

    It 'is found by a word' {
        (Get-Help adapter).Name | Should -Contain 'Get-LoraAdapter'
    }
}
