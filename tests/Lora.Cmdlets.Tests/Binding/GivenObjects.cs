using Lora.Commands.Tests.Commands;

namespace Lora.Commands.Tests.Binding;

/// <summary>
/// One trained adapter, in memory, in a folder and in a cache of Hugging Face's tools, and everything that it can be given as, in a shell of its own:
/// $given['result'] and so on.
/// </summary>
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
            'adapter in the cache' = 'lora-tests/adapter'
            'model in the cache' = 'lora-tests/model'
            'folder of the cache' = "$cache/models--lora-tests--model"
            'name of nothing' = 'lora-tests/nowhere'
        }
        """;

    private const string CacheVariable = "HF_HUB_CACHE";

    private readonly ExampleFolder files = new();
    private readonly string cache = Directory.CreateTempSubdirectory("lora-cache-").FullName;
    private readonly string? usual = Environment.GetEnvironmentVariable(CacheVariable);

    public GivenObjects()
    {
        string rows = files.Write("rows.jsonl", """{"text": "The fox is red."}""");
        Shell = files.Share(new HostedShell()).With("rows", rows);
        Environment.SetEnvironmentVariable(CacheVariable, cache);
        Shell.With("cache", cache).Run(Script).Succeeded();
        CacheLink("lora-tests/adapter", Path.Combine(files.Output, "adapter"));
        CacheLink("lora-tests/model", ExampleFolder.Model);
    }

    public HostedShell Shell { get; }

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(CacheVariable, usual);
        Directory.Delete(cache, recursive: true);
        Shell.Dispose();
        files.Dispose();
    }

    // A snapshot that is a link to a folder looks like one of files.
    private void CacheLink(string name, string folder)
    {
        string model = Path.Combine(cache, "models--" + name.Replace("/", "--", StringComparison.Ordinal));
        Directory.CreateDirectory(Path.Combine(model, "snapshots"));
        Directory.CreateSymbolicLink(Path.Combine(model, "snapshots", "0123456789"), folder);
    }
}
