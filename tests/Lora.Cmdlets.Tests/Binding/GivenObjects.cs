using Lora.Commands.Tests.Commands;

namespace Lora.Commands.Tests.Binding;

/// <summary>One trained adapter, in memory and in a folder, and everything that it can be given as, in a shell of its own: $given['result'] and so on.</summary>
public sealed class GivenObjects : IDisposable
{
    private const string Script = """
        $config = New-LoraConfig -Model $model -TargetModule q_proj -Rank 2
        $result = Invoke-LoraTraining $config -Dataset $rows -MaxStep 1 -OutputPath $output/adapter
        $module = @(Get-LoraModule $model -Include q_proj)[0]
        $info = Get-LoraAdapter $output/adapter
        $inMemory = Invoke-LoraTraining $config -Dataset $rows -MaxStep 1
        function FromFile($value, $depth = 2) { [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($value, $depth)) }
        function FromJob($value) { FromFile $value 1 }
        $given = @{
            'result' = $result
            'adapter' = $inMemory.Adapter
            'description' = $info
            'edit' = $result | Edit-LoraAdapter -Scale 0.5
            'point of a sweep' = Invoke-LoraSweep $config -Dataset $rows -MaxStep 1
            'measurement' = $result | Measure-LoraAdapter -Dataset $rows
            'folder' = "$output/adapter"
            'wildcard' = "$output/adap*"
            'folder object' = [System.IO.DirectoryInfo]"$output/adapter"
            'config file' = "$output/adapter/adapter_config.json"
            'config file object' = [System.IO.FileInfo]"$output/adapter/adapter_config.json"
            'weights file object' = [System.IO.FileInfo]"$output/adapter/adapter_model.safetensors"
            'result of a job' = FromJob $result
            'result of Import-Clixml' = FromFile $result
            'unwritten result of a job' = FromJob $inMemory
            'description of a job' = FromJob $info
            'description of Import-Clixml' = FromFile $info
            'config' = $config
            'config of a job' = FromJob $config
            'hashtable' = @{ Rank = 2; TargetModule = 'q_proj'; Model = $model; RankPattern = @{ q_proj = 4 } }
            'wrong hashtable' = @{ Rnak = 2 }
            'config of JSON' = [pscustomobject]@{ Rank = 2; Alpha = 4; TargetModule = @('q_proj'); Model = $model; RankPattern = @([pscustomobject]@{ Pattern = 'q_proj'; Value = 4 }) }
            'module' = $module
            'module of a job' = FromJob $module
            'model folder' = $model
            'number' = 42
            'nothing' = $null
            'missing path' = "$output/nowhere"
        }
        """;

    private readonly ExampleFolder files = new();

    public GivenObjects()
    {
        string rows = files.Write("rows.jsonl", """{"text": "The fox is red."}""");
        Shell = files.Share(new HostedShell()).With("rows", rows);
        Shell.Run(Script).Succeeded();
    }

    public HostedShell Shell { get; }

    public void Dispose()
    {
        Shell.Dispose();
        files.Dispose();
    }
}
