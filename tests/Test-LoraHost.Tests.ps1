#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $findings = Test-LoraHost -ErrorVariable failures
}

Describe 'Test-LoraHost' {
    It 'ends in no error, and gives an object a finding' {
        $failures | Should -BeNullOrEmpty
        $findings | Should -BeOfType Lora.LoraHostFinding
        $findings.Count | Should -BeGreaterThan 6
    }

    It 'finds this shell, the system and the runtime, and that it loads' {
        foreach ($name in 'PowerShell', 'System', 'Runtime', 'RuntimeLoads', 'CppRuntime') {
            ($findings | Where-Object Name -EQ $name).Status | Should -Be Pass -Because $name
        }

        ($findings | Where-Object Name -EQ PowerShell).Found | Should -Be $PSVersionTable.PSVersion.ToString()
        ($findings | Where-Object Name -EQ Runtime).Found | Should -BeLike '*bin*deps*'
    }

    It 'says what to do for all that is not as it should be' {
        foreach ($finding in $findings) {
            $null -ne $finding.Advice | Should -Be ($finding.Status -ne 'Pass') -Because $finding
        }
    }

    It 'tells by a process of its own that a library does not load, names the place, and this session lives on' {
        # In a shell of its own: one that has trained has a libtorch loaded, whatever the variable names afterwards.
        [string[]] $pwsh = if ([System.IO.Path]::GetFileNameWithoutExtension([System.Environment]::ProcessPath) -eq 'dotnet') { 'dotnet', (Join-Path $PSHOME pwsh.dll) }
        else { [System.Environment]::ProcessPath }
        $folder = New-Item -ItemType Directory (Join-Path $TestDrive damaged)
        Get-ChildItem (Join-Path $PSScriptRoot ../bin/deps) -File | Where-Object Name -Match 'torch|c10' | ForEach-Object { Set-Content (Join-Path $folder $_.Name) damaged }
        $file = Join-Path $TestDrive damaged.ps1
        Set-Content $file @"
            `$env:LORA_LIBTORCH = '$folder'
            Import-Module '$(Join-Path $PSScriptRoot ../Lora.psd1)'
            Test-LoraHost | ConvertTo-Json -EnumsAsStrings -Compress
            Test-LoraHost -Quiet
            'lives'
"@
        $said = & $pwsh[0] @($pwsh | Select-Object -Skip 1) -NoProfile -NonInteractive -File $file
        $said[1..2] | Should -Be 'False', 'lives'
        $damaged = $said[0] | ConvertFrom-Json

        ($damaged | Where-Object Name -EQ Runtime).Found | Should -BeLike "*$(Join-Path $TestDrive damaged)*"
        $loads = $damaged | Where-Object Name -EQ RuntimeLoads
        $loads.Status | Should -Be Fail
        $loads.Found | Should -BeLike '*cannot be loaded*c10*'
    }
}
