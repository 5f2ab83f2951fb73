#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
    $training = @{
        Dataset           = Join-Path $PSScriptRoot '../examples/data/animal-notes.train.jsonl'
        ValidationDataset = Join-Path $PSScriptRoot '../examples/data/animal-notes.validation.jsonl'
        MaxStep           = 1
        LearningRate      = 2e-4
    }
    $config = New-LoraConfig -Model $model -TargetModule q_proj, mlp.up_proj -ExcludeModule layers.3.mlp.up_proj -Rank 4
    $result = $config | Invoke-LoraTraining @training -Prompt 'Tell me about the fox.'

    # What a user sees on a screen of a width, without colours and without the blank lines around it.
    function Show {
        param([Parameter(ValueFromPipeline)] $InputObject, [int] $Width = 80, [cultureinfo] $Culture = 'en-US')

        begin { $objects = [System.Collections.ArrayList]::new() }
        process { $null = $objects.Add($InputObject) }
        end {
            $before = [cultureinfo]::CurrentCulture
            try {
                [cultureinfo]::CurrentCulture = $Culture
                $text = $objects | Out-String -Width $Width
            }
            finally {
                [cultureinfo]::CurrentCulture = $before
            }

            ($text -replace '\e\[[\d;]*m' -split '\r?\n' | ForEach-Object TrimEnd) -join "`n" | ForEach-Object Trim "`n"
        }
    }
}

Describe 'A table' {
    It 'of modules shows whole names on a screen of <Width> columns' -ForEach @{ Width = 80 }, @{ Width = 120 } {
        Get-LoraModule $model -Include '**.0.*.*' | Show -Width $Width | Should -Be @'
Name                            Kind   Shape     ParameterCount DataType
----                            ----   -----     -------------- --------
model.layers.0.self_attn.q_proj Linear 128 x 128         16,384 F32
model.layers.0.self_attn.k_proj Linear 64 x 128           8,192 F32
model.layers.0.self_attn.v_proj Linear 64 x 128           8,192 F32
model.layers.0.self_attn.o_proj Linear 128 x 128         16,384 F32
model.layers.0.mlp.gate_proj    Linear 352 x 128         45,056 F32
model.layers.0.mlp.up_proj      Linear 352 x 128         45,056 F32
model.layers.0.mlp.down_proj    Linear 128 x 352         45,056 F32
'@.ReplaceLineEndings("`n")
    }

    It 'of targets says on 80 columns what decided, and cuts nothing off' {
        Get-LoraModule $model -Include q_proj, up_proj -Layer 0, 3 | Test-LoraTarget $config | Show | Should -Be @'
Name                            Targeted Rank Reason
----                            -------- ---- ------
model.layers.0.self_attn.q_proj True        4 TargetModule 'q_proj'
model.layers.0.mlp.up_proj      True        4 TargetModule 'mlp.up_proj'
model.layers.3.self_attn.q_proj True        4 TargetModule 'q_proj'
model.layers.3.mlp.up_proj      False         excluded: ExcludeModule
                                              'layers.3.mlp.up_proj'
'@.ReplaceLineEndings("`n")
    }

    It 'of entries counts what each hits' {
        Test-LoraTarget $config -Model $model -Entry | Show | Should -Be @'
List          Entry                Hits Decided
----          -----                ---- -------
TargetModule  q_proj                  4       4
TargetModule  mlp.up_proj             4       3
ExcludeModule layers.3.mlp.up_proj    1       1
'@.ReplaceLineEndings("`n")
    }

    It 'of differences has a side and two ranks' {
        $other = New-LoraConfig -TargetModule q_proj, layers.0.self_attn.k_proj -Rank 8
        Compare-LoraConfig $config $other | Where-Object Name -Like '*.0.*' | Show | Should -Be @'
Name                            SideIndicator ReferenceRank DifferenceRank
----                            ------------- ------------- --------------
model.layers.0.self_attn.q_proj <>                        4              8
model.layers.0.self_attn.k_proj =>                                       8
model.layers.0.mlp.up_proj      <=                        4
'@.ReplaceLineEndings("`n")
    }

    It 'cuts nothing off on a screen of <Width> columns' -ForEach @{ Width = 80 }, @{ Width = 120 } {
        $result | Export-LoraAdapter "TestDrive:/wide$Width"
        $tables = @{
            targets      = Get-LoraModule $model | Test-LoraTarget $config
            entries      = Test-LoraTarget $config -Model $model -Entry
            differences  = Compare-LoraConfig $config (New-LoraConfig -TargetModule k_proj)
            steps        = $result.History
            measurements = $result | Measure-LoraAdapter -Dataset $training.ValidationDataset -EachLayer
            norms        = (Get-LoraAdapter "TestDrive:/wide$Width" -Detailed).Module
            edits        = (Edit-LoraAdapter $result -Exclude '**.0.**' -Retain 0.9).Module
            cosines      = Compare-LoraAdapter $result "TestDrive:/wide$Width"
            clients      = Test-LoraAdapter "TestDrive:/wide$Width"
        }
        foreach ($name in $tables.Keys) {
            $text = $tables[$name] | Show -Width $Width
            $text | Should -Not -Match '\u2026' -Because $name
            $text -split "`n" | ForEach-Object Length | Measure-Object -Maximum | ForEach-Object Maximum | Should -BeLessOrEqual $Width -Because $name
            ($text -split "`n")[1] | Should -Match '^ *---' -Because "$name are a table"
            if ($name -eq 'clients') {
                $text | Should -Match '^Client +Outcome +Field +Reason'
            }
        }
    }

    It 'of steps writes the rate as people do' {
        $result.History | Show | Should -Match '(?m)^ +1 +\d\.\d{4} +2e-4 +\d+\.\d{4} +[\d,]+$'
    }

    It 'of measurements keeps its columns whole beside a long name' {
        $lines = ($result | Measure-LoraAdapter -Dataset $training.ValidationDataset -EachLayer | Show) -split "`n"
        $lines[0] | Should -Match '^Name +Without +Loss +LossChange +LossRise$'
        $lines[2] | Should -Match '^rank 4, .+ model\.layers\.0 +\d\.\d{4} +[+-]?0\.\d{4} +[+-]?0\.\d{4}$'
    }

    It 'of an adapter''s modules shows norms' {
        $result | Export-LoraAdapter 'TestDrive:/adapter'
        $adapter = Get-LoraAdapter 'TestDrive:/adapter' -Detailed
        $adapter.Module | Select-Object -First 1 | Show | Should -Match '(?m)^model\.layers\.0\.mlp\.up_proj +4 +0\.\d{4} +[1-4]\.\d\d +\d+\.\d %$'
        $adapter | Show | Should -Match '(?m) 4 +32 +7 +[\d.]+ KB$'
    }
}

Describe 'A list' {
    It 'shows a configuration' {
        $config | Show | Should -Be @"
Model          : $((Resolve-Path $model).ProviderPath)
Target         : q_proj, mlp.up_proj
ExcludeModule  : layers.3.mlp.up_proj
Rank           : 4
Alpha          : 32
Scaling        : 8
Dropout        : 0
Bias           : None
Initialization : true
"@.ReplaceLineEndings("`n")
    }

    It 'shows how long a run took, and how long its steps' {
        $text = $result | Show
        $text | Should -Match '(?m)^Elapsed +: \S'
        $text | Should -Match '(?m)^TrainingElapsed +: \S'
        $result.TrainingElapsed | Should -BeLessThan $result.Elapsed
    }

    It 'shows a comparison of adapters' {
        Compare-LoraAdapter $result $result -Summary | Show | Should -Match '(?s)Cosine +: 1\.0000.+EqualCount +: 7'
    }

    It 'shows a plan of memory in units that fit' {
        $result.MemoryPlan | Show | Should -Match '(?m)^Peak +: \d+ MB$'
    }

    It 'shows a sample whole' {
        $lines = ($result.Sample | Show) -split "`n"
        $lines[0] | Should -Be 'Prompt  : Tell me about the fox.'
        ($lines -match '^(Base|Adapted) ').Count | Should -Be 2
        $lines | Should -Not -Match '(\.\.\.|…)$'
    }

    It 'of another type after a table shows its default properties only' {
        $text = & { $result.History[0]; $result } | Show
        $text | Should -Match '(?m)^StepCount +: 1$'
        $text | Should -Not -Match 'PeakMemory'
    }

    It 'does not show an adapter''s bytes' {
        $result.Adapter | Show | Should -Not -Match 'ReadOnlyMemory'
        $result.Adapter | ConvertTo-Json -Depth 4 | Should -Not -Match 'ReadOnlyMemory'
        "$($result.Adapter.Tensors[0])" | Should -Be 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight F32 [4, 128]'
    }
}

Describe 'Text' {
    It 'of a result says how it ended and what came out' {
        "$result" | Should -Match '^Completed after 1 step: loss \d\.\d{4}, perplexity [\d.]+, accuracy [\d.]+%$'
        $without = $config | Invoke-LoraTraining -Dataset $training.Dataset -MaxStep 2
        "$without" | Should -Be 'Completed after 2 steps'
    }

    It 'of a shape is readable in a CSV file' {
        (Get-LoraModule $model -Include embed_tokens | ConvertTo-Csv | ConvertFrom-Csv).Shape | Should -Be '512 x 128'
    }

    It 'has the same numbers in a culture with other signs' {
        $here = $config, $result, $result.MemoryPlan, $result.History[0] | ForEach-Object { $_ | Show }
        $config, $result, $result.MemoryPlan, $result.History[0] | ForEach-Object { $_ | Show -Culture de-DE } | Should -Be $here
    }
}

Describe 'A column' {
    It 'can be sorted and selected by' {
        $sorted = Get-LoraModule $model -Include *_proj -Layer 0 | Sort-Object ParameterCount -Descending | Select-Object Name, ParameterCount
        $sorted[0].ParameterCount | Should -Be 45056
    }
}

Describe 'A property' {
    It 'cannot be set' {
        { $config.Rank = -3 } | Should -Throw '*cannot be changed*New-LoraConfig*'
        { $result.StopReason = 'Cancelled' } | Should -Throw '*cannot be changed*'
        { (Get-LoraModule $model)[0].Name = 'x' } | Should -Throw '*cannot be changed*'
        $config.Rank | Should -Be 4
        ($config | Get-Member -MemberType Property).Definition | Should -Not -Match 'set;'
    }

    It 'that is misspelt or cannot be is named when a hashtable becomes a configuration' {
        { [Lora.LoraConfig]@{ Rnak = 4 } } | Should -Throw "*A key is 'Rnak'*"
        { [Lora.LoraConfig]@{ Rank = -3 } } | Should -Throw '*Rank is -3*'
        ([Lora.LoraConfig]@{ Rank = 4; TargetModule = 'q_proj' }).Scaling | Should -Be 8
    }
}

Describe 'What comes out of a job' {
    BeforeAll {
        $manifest = Join-Path $PSScriptRoot '../Lora.psd1'
        $received = Start-Job -ScriptBlock {
            Import-Module $using:manifest
            $config = New-LoraConfig -Model $using:model -TargetModule q_proj -Rank 4 -RankPattern @{ 'layers.0.self_attn.q_proj' = 2 }
            $config | Invoke-LoraTraining -Dataset $using:training.Dataset -MaxStep 1
            Get-LoraModule $using:model -Include q_proj
        } | Receive-Job -Wait -AutoRemoveJob
        $back = $received[0]
        $modules = $received[1..4]
    }

    It 'is a result with its configuration, which trains again' {
        $back | Should -BeOfType [Lora.LoraTrainingResult]
        $back.Config.RankPattern[0].Value | Should -Be 2
        ($back.Config | Invoke-LoraTraining -Dataset $training.Dataset -MaxStep 1).StepCount | Should -Be 1
        $back.History[0] | Should -BeOfType [Lora.LoraTrainingStep]
        $back.Adapter | Should -BeNullOrEmpty
    }

    It 'is a list of modules that a configuration is made of' {
        $modules[0].Shape[0] | Should -Be 128
        ($modules | New-LoraConfig -Rank 2).Module | Should -HaveCount 4
    }

    It 'comes out of a file of Export-Clixml as well' {
        $result | Export-Clixml 'TestDrive:/result.xml'
        $read = Import-Clixml 'TestDrive:/result.xml'
        "$read" | Should -Be "$result"
        "$($read.Config)" | Should -Be "$($result.Config)"
        $read.Sample[0].Adapted | Should -Be $result.Sample[0].Adapted
    }
}
