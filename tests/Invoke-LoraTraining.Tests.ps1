#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
    $training = @{
        Dataset   = Join-Path $PSScriptRoot '../examples/data/animal-notes.train.jsonl'
        MaxStep   = 2
        BatchSize = 2
    }
    $validation = Join-Path $PSScriptRoot '../examples/data/animal-notes.validation.jsonl'
    $config = New-LoraConfig -Model $model -TargetModule q_proj, down_proj -Rank 4
}

Describe 'Invoke-LoraTraining' {
    Context 'A run' {
        It 'gives one result with the adapter, the history and the evaluations' {
            $result = $config | Invoke-LoraTraining @training -ValidationDataset $validation
            $result | Should -HaveCount 1
            $result.StopReason | Should -Be 'Completed'
            $result.History | Should -HaveCount 2
            $result.Adapter.ParameterCount | Should -Be $result.TrainableParameter
            $result.After.Loss | Should -BeLessThan $result.Before.Loss
        }

        It 'evaluates several validation sets by name' {
            $result = Invoke-LoraTraining $config @training -ValidationDataset ([ordered]@{ task = $validation; general = $training.Dataset })
            $result.Evaluation.Name | Should -Be 'task', 'general', 'task', 'general'
            $result.Evaluation.Step | Should -Be 0, 0, 2, 2
            $result.After | Should -Be $result.Evaluation[2]
            $result.After.Accuracy | Should -BeGreaterThan 0
        }

        It 'evaluates on its way, keeps the best adapter and ends when it gets no better' {
            $output = Invoke-LoraTraining $config -Dataset $training.Dataset -ValidationDataset @{ task = $validation } -MaxStep 40 -BatchSize 2 -Device cpu `
                -LearningRate 0.5 -Schedule Constant -WarmupStep 0 -EvaluationStep 1 -KeepBest -Patience 1 -OutputPath 'TestDrive:/best' -PassThruStep
            $result = $output[-1]
            $result.StopReason | Should -Be 'EarlyStopped'
            $result.BestStep | Should -Be ($result.StepCount - 1)
            $output[0].Evaluation.Name | Should -Be 'task'
            $lowest = $result.Evaluation | Where-Object Step | Sort-Object Loss | Select-Object -First 1
            $result.After | Should -Be $lowest
            $measured = Get-LoraAdapter 'TestDrive:/best' | Measure-LoraAdapter -Model $model -Dataset $validation
            [math]::Abs($measured.Loss - $lowest.Loss) | Should -BeLessThan 1e-4
        }

        It 'learns from rows of the pipeline as from the same rows in a file' {
            $rows = Get-Content $training.Dataset -TotalCount 6
            Set-Content 'TestDrive:/rows.jsonl' $rows
            $rows | ConvertFrom-Json | Export-Csv 'TestDrive:/rows.csv'
            $options = @{ MaxStep = 2; BatchSize = 2; Device = 'cpu' }
            $expected = (Invoke-LoraTraining $config -Dataset 'TestDrive:/rows.jsonl' @options).History.Loss
            ($rows | ConvertFrom-Json | Invoke-LoraTraining -Config $config @options).History.Loss | Should -Be $expected
            (Import-Csv 'TestDrive:/rows.csv' | Invoke-LoraTraining -Config $config @options).History.Loss | Should -Be $expected
            (Invoke-LoraTraining $config -Dataset 'TestDrive:/rows.csv' @options).History.Loss | Should -Be $expected
        }

        It 'writes metrics while it trains, and keeps the adapters of earlier moments' {
            $output = Invoke-LoraTraining $config -Dataset $training.Dataset -ValidationDataset $validation -MaxStep 4 -BatchSize 2 -EvaluationStep 2 `
                -Schedule WSD -DecayStep 2 -MinimumLearningRate 1e-5 -WarmupStep 0 -SaveStep 1 -SaveLimit 2 -OutputPath 'TestDrive:/metrics'
            $lines = Get-Content 'TestDrive:/metrics/metrics.jsonl' | ConvertFrom-Json
            ($lines | Where-Object learning_rate).step | Should -Be 1, 2, 3, 4
            ($lines | Where-Object learning_rate).loss | Should -Be $output.History.Loss
            ($lines | Where-Object evaluation).accuracy | Should -Be $output.Evaluation.Accuracy
            $output.History.LearningRate[0..2] | Should -Be 2e-4, 2e-4, 2e-4
            $output.History[3].LearningRate | Should -BeLessThan 1e-4
            (Get-ChildItem 'TestDrive:/metrics' -Directory).Name | Should -Be 'checkpoint-000003', 'checkpoint-000004'
            (Get-LoraAdapter 'TestDrive:/metrics/checkpoint-000003').Rank | Should -Be 4
            { Invoke-LoraTraining $config @training -DecayStep 2 -ErrorAction Stop } | Should -Throw '*DecayStep is for the schedule WSD*'
        }

        It 'says what memory it planned, and computes again what it does not keep' {
            $result = Invoke-LoraTraining $config @training -Device cpu -Checkpointing Full
            $result.MemoryPlan.Peak | Should -BeGreaterThan $result.MemoryPlan.Weight
            $result.MemoryPlan.RecomputedBlock | Should -BeGreaterThan 0
        }

        It 'repeats itself with the same seed' {
            $first = Invoke-LoraTraining $config @training -Seed 7 -Device cpu
            $second = Invoke-LoraTraining $config @training -Seed 7 -Device cpu
            $second.History.Loss | Should -Be $first.History.Loss
        }

        It 'trains in float16 with a scaled loss' {
            $result = Invoke-LoraTraining $config @training -Device cpu -DataType Float16
            $result.StopReason | Should -Be 'Completed'
            $result.History.LossScale | Should -Be 65536, 65536
            $result.History.IsSkipped | Should -Be $false, $false
        }

        It 'gives steps before the result with -PassThruStep' {
            $output = Invoke-LoraTraining $config @training -PassThruStep
            $output | Should -HaveCount 3
            $output[0].Step | Should -Be 1
            $output[2] | Should -BeOfType [Lora.LoraTrainingResult]
        }

        It 'lets both models go on with a prompt' {
            $result = Invoke-LoraTraining $config @training -Prompt 'Once upon a time' -PromptToken 4
            $result.Sample.Base | Should -Not -BeNullOrEmpty
            $result.Sample.Adapted | Should -Not -BeNullOrEmpty
        }
    }

    Context 'Going on' {
        It 'goes on with the adapter of a result, and begins anew with its configuration' {
            $first = $config | Invoke-LoraTraining @training -ValidationDataset $validation
            $second = $first | Invoke-LoraTraining @training -ValidationDataset $validation
            $anew = $first.Config | Invoke-LoraTraining @training -ValidationDataset $validation
            [math]::Abs($second.Before.Loss - $first.After.Loss) | Should -BeLessThan 1e-5
            $anew.Before.Loss | Should -Be $first.Before.Loss
        }
    }

    Context 'Several configurations' {
        It 'trains one after another, each into the folder that its script block names' {
            $results = 2, 4 |
                ForEach-Object { New-LoraConfig -Model $model -TargetModule q_proj -Rank $_ } |
                Invoke-LoraTraining @training -OutputPath { Join-Path $TestDrive "rank$($_.Rank)" }
            $results.Config | ForEach-Object Rank | Should -Be 2, 4
            'TestDrive:/rank2/adapter_model.safetensors' | Should -Exist
            'TestDrive:/rank4/adapter_model.safetensors' | Should -Exist
        }

        It 'never lets two share a folder' {
            { $config, $config | Invoke-LoraTraining @training -OutputPath 'TestDrive:/shared' -Force } |
                Should -Throw -ErrorId 'LoraOutputRepeated,Lora.Commands.InvokeLoraTrainingCommand'
        }
    }

    Context 'Caution' {
        It 'writes nothing with -WhatIf' {
            Invoke-LoraTraining $config @training -OutputPath 'TestDrive:/what-if' -WhatIf | Should -BeNullOrEmpty
            'TestDrive:/what-if' | Should -Not -Exist
        }

        It 'keeps an adapter that is there, without -Force' {
            Invoke-LoraTraining $config @training -OutputPath 'TestDrive:/kept'
            { Invoke-LoraTraining $config @training -OutputPath 'TestDrive:/kept' } |
                Should -Throw -ErrorId 'LoraOutputExists,Lora.Commands.InvokeLoraTrainingCommand'
            { Invoke-LoraTraining $config @training -OutputPath 'TestDrive:/kept' -Force } | Should -Not -Throw
        }

        It 'saves the state of a run that is stopped, and goes on with it' {
            $run = $training + @{ OutputPath = 'TestDrive:/stopped'; SaveStep = 1 }
            $run.MaxStep = 20
            $null = Invoke-LoraTraining $config @run -PassThruStep | Select-Object -First 1
            'TestDrive:/stopped/training_state.safetensors' | Should -Exist
            { Invoke-LoraTraining $config @run } | Should -Throw -ErrorId 'LoraRunUnfinished,Lora.Commands.InvokeLoraTrainingCommand'
            $result = Invoke-LoraTraining $config @run -Resume
            $result.History[-1].Step | Should -Be 20
            'TestDrive:/stopped/training_state.safetensors' | Should -Not -Exist
        }

        It 'refuses a configuration without a model' {
            { New-LoraConfig -TargetModule q_proj | Invoke-LoraTraining @training } |
                Should -Throw -ErrorId 'LoraModelNotKnown,Lora.Commands.InvokeLoraTrainingCommand'
        }

        It 'refuses a memory limit that cannot be held' {
            { Invoke-LoraTraining $config @training -Device cpu -MemoryLimit 10MB } |
                Should -Throw -ErrorId 'LoraMemoryInsufficient,Lora.Commands.InvokeLoraTrainingCommand'
        }

        It 'refuses a device that there is not' {
            { Invoke-LoraTraining $config @training -Device cuda:99 } |
                Should -Throw -ErrorId 'LoraDeviceUnavailable,Lora.Commands.InvokeLoraTrainingCommand'
        }
    }

    Context 'A failure at the end, under $ErrorActionPreference = Stop,' {
        BeforeAll {
            $ErrorActionPreference = 'Stop'
            $given = [System.Collections.Generic.List[object]]::new()
        }

        BeforeEach {
            $given.Clear()
        }

        It 'of the loss comes after the result with the adapter' {
            { Invoke-LoraTraining $config -Dataset $training.Dataset -MaxStep 20 -LearningRate 1e20 | ForEach-Object { $given.Add($_) } } |
                Should -Throw -ErrorId 'LoraLossNotFinite,Lora.Commands.InvokeLoraTrainingCommand'
            $given | Should -HaveCount 1
            $given[0].StopReason | Should -Be 'NotFinite'
            $given[0].Failure | Should -BeLike 'The loss of step *'
            $given[0] | Export-LoraAdapter 'TestDrive:/of-the-last-good-step'
            'TestDrive:/of-the-last-good-step/adapter_model.safetensors' | Should -Exist
        }

        It 'of the writing comes after the result with the adapter' {
            $folder = Join-Path $TestDrive taken-meanwhile
            {
                Invoke-LoraTraining $config -Dataset $training.Dataset -MaxStep 60 -OutputPath $folder -PassThruStep | ForEach-Object {
                    if ($_.Step -eq 1) { $null = New-Item -ItemType File -Force (Join-Path $folder adapter_config.json) }
                    $given.Add($_)
                }
            } | Should -Throw -ErrorId 'LoraOutputExists,Lora.Commands.InvokeLoraTrainingCommand'
            $given | Should -HaveCount 61
            $given[-1].StopReason | Should -Be 'Completed'
            $given[-1].AdapterPath | Should -BeNullOrEmpty
            $given[-1].Adapter.ParameterCount | Should -BeGreaterThan 0
        }
    }

    Context 'Data' {
        It 'refuses a bad row before it trains, with its line' {
            Set-Content -Path 'TestDrive:/bad.jsonl' -Value '{"text": "fine"}', '{"prompt": "no completion"}'
            { Invoke-LoraTraining $config -Dataset 'TestDrive:/bad.jsonl' -MaxStep 1 } |
                Should -Throw -ErrorId 'LoraRowInvalid,Lora.Commands.InvokeLoraTrainingCommand' -ExpectedMessage '*line 2: *'
        }

        It 'reads the columns that -Column names, as -DatasetFormat says' {
            Set-Content -Path 'TestDrive:/asked.csv' -Value 'ask,reply', 'Who?,The fox.'
            $given = @{ Dataset = 'TestDrive:/asked.csv'; MaxStep = 1; DatasetFormat = 'Alpaca' }
            (Invoke-LoraTraining $config @given -Column @{ question = 'ask'; answer = 'reply' }).History.Count | Should -Be 1
            { Invoke-LoraTraining $config @given } | Should -Throw -ErrorId 'LoraRowInvalid,*' -ExpectedMessage '*line 1: no column is known*'
            { Invoke-LoraTraining $config @given -Column @{ question = 'asks'; answer = 'reply' } } | Should -Throw -ErrorId 'LoraRowInvalid,*'
        }

        It 'asks where rows may mean several things' {
            Set-Content -Path 'TestDrive:/two.jsonl' -Value '{"question": "Who?", "answer": "I.", "response": "You."}'
            { Invoke-LoraTraining $config -Dataset 'TestDrive:/two.jsonl' -MaxStep 1 } |
                Should -Throw -ErrorId 'LoraRowInvalid,*' -ExpectedMessage "*either may be the `"answer`": say which by -Column*"
        }

        It 'refuses a file without rows' {
            Set-Content -Path 'TestDrive:/empty.jsonl' -Value ''
            { Invoke-LoraTraining $config -Dataset 'TestDrive:/empty.jsonl' -MaxStep 1 } |
                Should -Throw -ErrorId 'LoraDatasetEmpty,Lora.Commands.InvokeLoraTrainingCommand'
        }

        It 'warns of rows that are cut' {
            Set-Content -Path 'TestDrive:/long.jsonl' -Value '{"text": "Once upon a time there was a fox who lived in the wood and slept in a den."}'
            $null = Invoke-LoraTraining $config -Dataset 'TestDrive:/long.jsonl' -MaxStep 1 -MaxLength 4 -WarningAction SilentlyContinue -WarningVariable warnings
            $warnings[0].Message | Should -Match 'longer than 4 tokens and cut at its end'
        }

        It 'says what its configuration passes over in silence' {
            $silent = New-LoraConfig -Model $model -TargetModule q_proj, k_proj, self_attn.k_proj -ExcludeModule up_proj -Rank 65 -WarningAction SilentlyContinue
            $null = Invoke-LoraTraining $silent @training -WarningAction SilentlyContinue -WarningVariable warnings
            $said = $warnings.Message -join [Environment]::NewLine
            $said | Should -Match "rank is above the smaller side .*'model.layers.0.self_attn.k_proj' has 64, and rank 65"
            $said | Should -Match "TargetModule entry 'k_proj' matches 4 modules and decides about none"
            $said | Should -Match "ExcludeModule entry 'up_proj' excludes only what no target matches"
        }
    }
}
