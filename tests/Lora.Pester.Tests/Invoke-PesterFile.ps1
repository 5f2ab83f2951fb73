#Requires -Version 7.6
<#
.SYNOPSIS
    Runs Pester files, one after another, and writes what came of each test to a pipe: a line of JSON a test.
#>
[CmdletBinding()]
param(
    # The Pester to run: its manifest.
    [Parameter(Mandatory)]
    [string] $Pester,

    # The files, with wildcards.
    [Parameter(Mandatory)]
    [string] $Path,

    # Tests whose names, after those of the blocks around them, match.
    [string] $Name = '*',

    [Parameter(Mandatory)]
    [string] $PipeName,

    # Finds the tests and runs none.
    [switch] $SkipRun
)

$ErrorActionPreference = 'Stop'
Import-Module $Pester

function ConvertTo-Outcome {
    param($File, $Line = 0, $Name, $Result, $Duration = [timespan]::Zero, $Failure)

    [ordered]@{
        File         = "$File"
        Line         = $Line
        Name         = $Name
        Result       = "$Result"
        Milliseconds = $Duration.TotalMilliseconds
        Message      = $Failure.DisplayErrorMessage -join "`n"
        Place        = $Failure.DisplayStackTrace -join "`n"
    } | ConvertTo-Json -Compress
}

# A file that cannot be read, and a block whose BeforeAll or AfterAll throws, is a failure of its own.
function Get-Outcome {
    param($Run)

    foreach ($container in $Run.Containers | Where-Object ErrorRecord) {
        ConvertTo-Outcome $container.Item -Name '(the file)' -Result Failed -Failure $container.ErrorRecord
    }

    foreach ($block in $Run.FailedBlocks | Where-Object ErrorRecord) {
        ConvertTo-Outcome $block.BlockContainer.Item $block.StartLine "$($block.ExpandedPath) (the block)" -Result Failed -Failure $block.ErrorRecord
    }

    foreach ($test in $Run.Tests | Where-Object { $SkipRun -or $_.Result -ne 'NotRun' }) {
        ConvertTo-Outcome $test.Block.BlockContainer.Item $test.StartLine $test.ExpandedPath $test.Result $test.Duration $test.ErrorRecord
    }
}

$pipe = [System.IO.Pipes.NamedPipeClientStream]::new('.', $PipeName, [System.IO.Pipes.PipeDirection]::Out)
$pipe.Connect()
$writer = [System.IO.StreamWriter]::new($pipe)
try {
    foreach ($file in Get-ChildItem -Path $Path) {
        $configuration = New-PesterConfiguration -Hashtable @{
            Run    = @{ Path = $file.FullName; PassThru = $true; SkipRun = [bool] $SkipRun }
            Filter = @{ FullName = $Name }
            Output = @{ Verbosity = 'None' }
        }
        Get-Outcome (Invoke-Pester -Configuration $configuration) | ForEach-Object { $writer.WriteLine($_) }
        $writer.Flush()
    }
}
finally {
    $writer.Dispose()
}
