#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    $root = Split-Path $PSScriptRoot
    $build = Join-Path $root build.ps1
    $ast = [System.Management.Automation.Language.Parser]::ParseFile($build, [ref] $null, [ref] $null)
}

Describe 'build.ps1' {
    It 'has the parameters that the documentation names' {
        $ast.ParamBlock.Parameters.Name.VariablePath.UserPath |
            Should -Be Task, Configuration, TorchBackend, Runtime, Repository, ApiKey, Certificate, SignCommand
    }

    It 'knows what to do for each task' {
        $tasks = (Get-Command $build).Parameters.Task.Attributes.ValidValues
        $choice = $ast.Find({ $args[0] -is [System.Management.Automation.Language.SwitchStatementAst] -and "$($args[0].Condition)" -eq '$step' }, $false)
        $choice.Clauses.Item1.Value | Should -Be $tasks
    }

    It 'packs the manifest, what it names, the licences and the help' {
        . (Join-Path $root tools/Packaging.ps1)
        $manifest = Import-PowerShellDataFile (Join-Path $root Lora.psd1)
        $types = Import-PowerShellDataFile (Join-Path $root Lora.Types.psd1)
        $needed = @(
            'Lora.psd1', $manifest.RootModule, $manifest.FormatsToProcess, 'Lora.Types.psd1', $types.TypesToProcess, 'LICENSE', 'THIRD-PARTY-NOTICES.txt', 'CHANGELOG.md'
            Get-ChildItem (Join-Path $root en-US) -Name | ForEach-Object { "en-US/$_" }
        ) | ForEach-Object { $_ }
        $moduleFiles | Sort-Object | Should -Be ($needed | Sort-Object)
    }

    It 'ends at a step that fails, and where it is called from does not matter' {
        $elsewhere = New-Item -ItemType Directory (Join-Path $TestDrive 'else where/tools')
        Copy-Item $build, (Join-Path $root Lora.psd1) (Split-Path $elsewhere)
        Copy-Item (Join-Path $root tools/Packaging.ps1) $elsewhere
        { & (Join-Path (Split-Path $elsewhere) build.ps1) -Task Docs } | Should -Throw "'dotnet run *ended with exit code*"
    }
}

Describe 'WineSmoke.ps1' {
    It 'says that it was skipped where there is no Wine' {
        & (Join-Path $root tools/WineSmoke.ps1) -Wine no-such-wine | Should -Be "Skipped: 'no-such-wine' is not installed."
    }
}
