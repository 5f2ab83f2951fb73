@{
    Severity            = @('Error', 'Warning')
    IncludeDefaultRules = $true

    # A variable of Pester's BeforeAll is used in other script blocks than its own, which the rule does not see.
    ExcludeRules        = @('PSUseDeclaredVarsMoreThanAssignments')

    Rules               = @{
        PSAvoidSemicolonsAsLineTerminators    = @{ Enable = $true }
        PSAvoidUsingCmdletAliases             = @{ Enable = $true }
        PSAvoidUsingPositionalParameters      = @{ Enable = $true }
        PSPlaceOpenBrace                      = @{ Enable = $true; OnSameLine = $true; NewLineAfter = $true; IgnoreOneLineBlock = $true }
        PSPlaceCloseBrace                     = @{ Enable = $true; NewLineAfter = $true; IgnoreOneLineBlock = $true; NoEmptyLineBefore = $true }
        PSUseConsistentIndentation            = @{ Enable = $true; Kind = 'space'; IndentationSize = 4; PipelineIndentation = 'IncreaseIndentationForFirstPipeline' }
        PSUseConsistentWhitespace             = @{ Enable = $true; IgnoreAssignmentOperatorInsideHashTable = $true }
        PSUseCorrectCasing                    = @{ Enable = $true }
        PSUseUsingScopeModifierInNewRunspaces = @{ Enable = $true }
    }
}
